// Package play answers: how do a player's input and the passing of time become the scene's pictures? It is the game's main
// loop without a place to run in: package window plays it on an X display, edge/capture/scene in the edge itself.
//
// # Vocabulary
//
//   - Event: one thing that whoever shows the pictures has to say, an input or a change of what is visible.
//   - Show: one run of the game. Take gives it events, Picture makes the picture of an instant, Shown tells what it took.
//   - Pacer: when pictures are due.
//
// A Show steps its game up to the instant that a picture is made for, with the controls as they are then, so that an event
// that was taken before is in that picture. It gives up distance where pictures take too long (quality.go), and stands
// still when it is paused, or when nobody has touched anything for long.
//
// Nothing here starts a goroutine or reads a clock. A Show and a Pacer belong to one goroutine at a time.
package play
