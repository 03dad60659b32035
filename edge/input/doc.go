// Package input answers: how does what the player does reach the app? It presses keys, moves the pointer, turns the
// wheel and types text in one session's X display, through XTEST, or tells a Target in this process the same.
//
// # Vocabulary
//
// An Injector is the display's end, there is one for each session. A Player is one connection's end: it holds that
// connection's sequence numbers, running totals and pressed keys, and its rate limits. Leave lets go of all it pressed.
//
// # What the app sees
//
// Before the events of an input the property _NEARLIGHT_INPUT (CARDINAL, format 32) of the root window is set to the
// input's sequence number, on the same connection: an app that listens for PropertyNotify there learns which input the
// next events are. A physical key is the X keycode evdev+8, as on any Linux desktop, whatever the player's layout.
//
// # Trust
//
// Nothing a player sends is fatal. What is stale, out of range, unknown or too fast is dropped and counted by reason.
//
// # Concurrency
//
// All methods may be called from anywhere. Messages of one channel must be handled in the order in which they came.
// One goroutine is in Run, which returns when the display is gone, the context ends or Close was called.
package input
