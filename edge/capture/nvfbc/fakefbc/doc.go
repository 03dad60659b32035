// Package fakefbc builds and loads a double of NVIDIA's NvFBC, for tests of what captures through it: libnvidia-fbc.so.1, written in
// C (folder driver), with the functions that Nearlight uses. Its screen is what a test shows on it.
//
// It keeps the books that a strict driver would: structure versions, handles, the thread that a handle is bound to, the order
// of session, setup and grab, the current CUDA context, and what is still held at the end. What is wrong is in Report.
// Memory on the GPU comes from the double of libcuda (package fakedriver), which is built along and keeps its own books. A
// grab spoils what the last one brought, as NVIDIA's documentation allows.
//
// It is a double: what passes on it keeps the rules as far as that documentation states them. It cannot prove that a driver's
// structures are laid out like ours, how soon a frame is there, nor anything about a GPU.
//
// A Double is safe for concurrent use.
package fakefbc

import "errors"

// ErrNotBuilt reports a machine that cannot build the double; the message says what to install.
var ErrNotBuilt = errors.New("the double of NVIDIA's NvFBC cannot be built")

// Fault is what goes wrong in the double.
type Fault string

// The faults. Those that count act on as many calls as Inject was given.
const (
	None         Fault = "none"
	NoX          Fault = "no-x"           // no X server can be reached
	OtherDriver  Fault = "other-driver"   // an X server that does not run on NVIDIA's driver
	NotSupported Fault = "not-supported"  // a GPU without NvFBC
	DriverTooOld Fault = "driver-too-old" // a library that refuses API 1.7
	Driver16     Fault = "driver-1.6"     // a library that takes the calls, and says that it speaks 1.6
	Busy         Fault = "busy"           // no capture session can be created
	MaxClients   Fault = "max-clients"    // no handle can be created
	NoCUDA       Fault = "no-cuda"        // no session can share with CUDA
	Modeset      Fault = "modeset"        // counts statuses that tell of a mode change, while which no session can be created
	Recreate     Fault = "recreate"       // counts grabs that want a new session
	XGone        Fault = "x-gone"         // the X server has ended
	Slow         Fault = "slow"           // counts grabs that take 200 ms
	Broken       Fault = "broken"         // counts grabs that fail
	Short        Fault = "short"          // counts grabs that bring half of the picture's bytes
	OtherClock   Fault = "other-clock"    // frames are stamped on another clock than CLOCK_MONOTONIC
)
