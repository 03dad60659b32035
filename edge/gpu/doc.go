// Package gpu answers what NVIDIA cards this machine has, how they fare, and which of them a session goes to.
//
// # Vocabulary
//
// A [Library] is NVIDIA's management library (NVML), opened at run time; a machine without it is no error of anybody's and
// is told by [ErrNone]. An [Inventory] is one look at all cards. A [Reading] is a figure that a card may not have: what the
// driver does not tell is absent, never zero. A card's [Address] on the PCI bus is its identity between NVML, CUDA, the
// kernel's render nodes and the X server, each of which numbers cards in an order of its own. NVENC is the encoder in a
// card; a session of it is one open encoder, and how many of them a card takes is found by [Probe], because drivers change
// their limits and NVML does not tell them. [Place] chooses a card.
//
// # Concurrency
//
// A [Library] and a [Collector] may be used by any number of goroutines. A call into the driver cannot be interrupted, and a
// card in trouble can hold one for long. So one goroutine at a time opens or asks, and owns the library meanwhile; whoever
// waits for it stops waiting when its context ends. Probe and Place are plain functions, and an Inventory is a value of its owner's.
package gpu

import "errors"

// Errors that callers branch on. What wraps them says what happened and, after a semicolon, what to do.
var (
	// ErrNone reports a machine without an NVIDIA card, or a build that cannot look (without cgo): the normal answer where
	// sessions are drawn and encoded by the processor.
	ErrNone = errors.New("no NVIDIA GPU")
	// ErrNoDriver reports a card that is in the machine while its driver, or a part of it, is not.
	ErrNoDriver = errors.New("an NVIDIA GPU without its driver")
	// ErrMismatch reports a library and a kernel module of different versions.
	ErrMismatch = errors.New("NVIDIA's library and its kernel module are of different versions")
	// ErrBroken reports a driver that is there and does not work: a file that is no library, devices that may not be opened.
	ErrBroken = errors.New("NVIDIA's driver does not work")
	// ErrLost reports a card that does not answer any more: it fell off the bus, or must be reset.
	ErrLost = errors.New("the GPU is lost")
	// ErrUnanswered reports a driver that has not answered in the time that the caller gave it.
	ErrUnanswered = errors.New("NVIDIA's driver has not answered in time")
	// ErrClosed reports a call after Close.
	ErrClosed = errors.New("NVIDIA's library is closed")
)
