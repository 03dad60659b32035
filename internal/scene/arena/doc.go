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
// Everything is typed on a US keyboard, by physical keys. Space begins a task, Return a nonce. Letters follow, of A to Z and 1 to 6, no one twice: a key
// that is pressed again at once may reach an app as one that is held, because an edge makes short taps longer, and displays repeat keys. So a
// value is an order of different letters: the first chooses among 32, the next among the 31 that are left, and so on, the first being
// the least significant. A nonce has 8 (of 32 bits), a task 11 (the seed's 32 bits, then 16 of the number of objects). A letter for the second time ends what was begun.
//
// # Concurrency
//
// Tasks, nonces and claims are values. A Show and a Script have one owner. Nothing here reads a clock.
package arena
