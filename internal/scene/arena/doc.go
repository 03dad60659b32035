// Package arena is what a challenged machine has to draw: it answers what the picture of a task, a nonce and an instant shows, and how
// task and nonces are typed. Whoever draws it and whoever checks it share this code (docs/adr/0040).
//
// # Vocabulary
//
//   - Task: a seed, which makes the land, and how many objects a picture has: the stated cost.
//   - Nonce: 32 bits that nobody knows before they are typed.
//   - Script: what a task and a nonce decide: the eye's way, the sun, each object's place and spin.
//   - Claim: what a picture says of itself in the block beside its marker: nonce, how many there were, time since it was taken.
//   - Show: an app's side: keys in, pictures out. Package window shows it on a display.
//
// # Keys
//
// Everything is typed on a US keyboard, by physical keys. Space begins a task, Return a nonce. Digits of 4 bits follow, most significant
// first: those of a task are 8 of the seed and 4 of the number of objects, those of a nonce 8. The digits at even places are A (0) to P (15),
// those at odd places Q to Z, then 1 to 6, so that no key follows itself: a display may take a key that is pressed twice within a millisecond for one that is held.
// A key out of turn ends what was begun.
//
// # Concurrency
//
// Tasks, nonces and claims are values. A Show and a Script have one owner. Nothing here reads a clock.
package arena
