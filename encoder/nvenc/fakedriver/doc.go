// Package fakedriver builds and loads a double of NVIDIA's driver, for tests of what calls it: libcuda.so.1 and
// libnvidia-encode.so.1, written in C (folder driver), with the functions that Nearlight uses.
//
// It keeps the books that a strict driver would: structure versions, handles, the order of register, map, encode, lock,
// unlock and unmap, the current context, one thread at a time in a session, and what is still held at the end. What is
// wrong is in Report. It codes for real, H.264 with x264 and HEVC with x265, both in 4:4:4 as well and HEVC with 10 bits, and has
// faults on demand.
//
// It is a double: what passes on it keeps the rules as far as the headers and their comments state them. It cannot prove
// that a driver takes the same settings, nor anything about the speed, the rate or the pictures of a GPU.
//
// # Faults
//
// Inject sets a fault; in a process of its own, such as `nearlight doctor`, FAKEDRIVER_FAULT=NAME[:PICTURES] does.
// FAKEDRIVER_LOG names a file for what the double refused and what was done wrong.
//
// A Double is safe for concurrent use.
package fakedriver

import "errors"

// ErrNotBuilt reports a machine that cannot build the double; the message says what to install.
var ErrNotBuilt = errors.New("the double of NVIDIA's driver cannot be built")

// Fault is what goes wrong in the double.
type Fault string

// The faults. Those that wait do so for the number of pictures that Inject was given.
const (
	None            Fault = "none"
	NoDevice        Fault = "no-device"         // a driver without a GPU
	NoEncoder       Fault = "no-nvenc"          // a GPU without an encoder, as data-centre cards are
	SessionLimit    Fault = "session-limit"     // the limit of sessions, as "out of memory"
	SessionLimitKey Fault = "session-limit-key" // the same, as "incompatible client key"
	OutOfMemory     Fault = "out-of-memory"     // no session, and no memory
	OutOfBuffers    Fault = "out-of-buffers"    // a session, and no memory for its buffers
	DriverTooOld    Fault = "driver-too-old"    // a driver of API 10.0
	DeviceLost      Fault = "device-lost"       // waits; every call fails from there on
	Slow            Fault = "slow"              // waits; one picture takes 200 ms
	Busy            Fault = "busy"              // waits; one picture is refused three times
	Fixed           Fault = "fixed"             // nothing changes within a stream, and losses cannot be mended
	FixedPreset     Fault = "fixed-preset"      // no preset changes within a stream
	NoImages        Fault = "no-egl-images"     // EGL images are not shared with CUDA, as on desktop cards
	No444           Fault = "no-444"            // no codec in 4:4:4
	No10Bit         Fault = "no-10bit"          // no codec with 10 bits
)
