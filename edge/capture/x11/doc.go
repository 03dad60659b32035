// Package x11 is the screen of an X server as a [capture.Source]: woken by XDamage, grabbed through shared memory that
// is attached by descriptor, and converted to I420, all in one call into C for each frame.
//
// # Which damage makes a frame
//
// Damage is subtracted before the grab, so whatever is drawn during or after it is reported again: the last picture
// always equals the screen. A burst of damage becomes one frame. Where an app's recent frames each came as one
// burst, its next is grabbed at once; where damage trickles in, the grab waits until it is quiet (see coalescer).
// The frame rate is a cap on the average with half a frame of credit, so that a source of that rate is never delayed
// by its own jitter (see [capture.Limiter]).
//
// # Where the X server may run
//
// The server is reached over its unix socket and may belong to another uid and another IPC namespace: pixels travel
// through a sealed memfd (MIT-SHM 1.2), which needs neither System V shared memory nor equal owners. The server must
// have one screen of depth 24 with 32 bits a pixel, little endian, blue first, and the extensions MIT-SHM 1.2, DAMAGE,
// XFIXES and RANDR, as Xvfb and Xorg have.
//
// # Concurrency
//
// One goroutine at a time calls Next; everything else may be called from anywhere. The package starts no goroutine of
// its own; a context that ends wakes Next from the goroutine that [context.AfterFunc] makes.
package x11
