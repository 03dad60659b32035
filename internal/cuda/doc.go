// Package cuda holds what Nearlight needs of an NVIDIA GPU besides drawing: which devices there are, a context on one,
// memory on it, copies to and from it, and pictures that lie there and can be encoded without a detour. It calls the CUDA
// driver API (libcuda), which comes with NVIDIA's driver and is opened at run time, so that one binary runs everywhere.
//
// # Words
//
// A Library is one of the driver's shared libraries, a Driver an opened libcuda, a Context the GPU's state for this
// process, a Picture an image in the GPU's memory (a media.Surface), a Stream a queue of work on the GPU.
//
// # Contexts and threads
//
// CUDA binds a context to a thread, and a goroutine may change threads between two calls. So each function here binds the
// context, calls and unbinds within one call into C; Context.Do is for code that makes its own calls. A Context is a
// share in the device's primary context: one for each process and device, however often it is asked for, since a context
// of one's own takes memory of the GPU for nothing.
//
// Driver and Context are safe for concurrent use. A Picture and a Stream have one user at a time.
//
// # What is proven
//
// The tests run against a double of libcuda (encoder/nvenc/fakedriver) whose memory is the host's. That GL textures, EGL images and
// copies work on a GPU has been shown on none.
package cuda

import (
	"errors"
	"fmt"

	"nearlight/internal/media"
)

// Errors that callers branch on. All but ErrClosed, ErrInUse and ErrDeviceLost are normal answers of a machine.
var (
	// ErrNoLibrary reports that NVIDIA's driver is not installed, or a build without cgo.
	ErrNoLibrary = errors.New("NVIDIA's driver was not found")
	// ErrNotALibrary reports a file of the right name that is not NVIDIA's library, or one that lacks a function.
	ErrNotALibrary = errors.New("not a library of NVIDIA's driver")
	// ErrNoDevice reports a driver without a GPU, or a device number that does not exist.
	ErrNoDevice = errors.New("no such NVIDIA GPU")
	// ErrDeviceLost reports a GPU that has failed or was taken away: everything on it is gone.
	ErrDeviceLost = errors.New("the GPU was lost")
	// ErrNoImages reports a driver that does not share EGL images with CUDA: it lacks the function, or says that it is not
	// supported, as drivers of desktop cards may. A GL texture of the same image can be imported instead.
	ErrNoImages = errors.New("this driver shares no EGL images with CUDA")
	// ErrClosed reports a use after Close.
	ErrClosed = errors.New("closed")
	// ErrInUse reports a context that is closed before what was made in it.
	ErrInUse = errors.New("still in use")
)

// Error is a CUDA call that failed.
type Error struct {
	Call string // for example cuMemAllocPitch
	Code int    // CUresult
	Name string // the code's name, as the driver says it, for example CUDA_ERROR_OUT_OF_MEMORY
}

func (e *Error) Error() string {
	text := fmt.Sprintf("%s: %s (%d)", e.Call, e.Name, e.Code)
	if meaning := e.Unwrap(); meaning != nil {
		return meaning.Error() + ": " + text
	}
	return text
}

// Codes of CUresult that mean something to callers; dynlink_cuda.h declares only a few.
const (
	codeNoDevice      = 100 // CUDA_ERROR_NO_DEVICE
	codeInvalidDevice = 101 // CUDA_ERROR_INVALID_DEVICE
	codeECC           = 214 // CUDA_ERROR_ECC_UNCORRECTABLE
	codeIllegal       = 700 // CUDA_ERROR_ILLEGAL_ADDRESS: the context is beyond repair
	codeTimeout       = 702 // CUDA_ERROR_LAUNCH_TIMEOUT
	codeLaunchFailed  = 719 // CUDA_ERROR_LAUNCH_FAILED
	codeNotSupported  = 801 // CUDA_ERROR_NOT_SUPPORTED
)

// Unwrap gives codes their sentinel.
func (e *Error) Unwrap() error {
	switch e.Code {
	case codeNoDevice, codeInvalidDevice:
		return ErrNoDevice
	case codeECC, codeIllegal, codeTimeout, codeLaunchFailed:
		return ErrDeviceLost
	}
	return nil
}

// Device is one GPU.
type Device struct {
	Ordinal int // as Driver.Retain takes it
	Name    string
	UUID    [16]byte
	Memory  int64 // bytes
}

// Format is how a Picture's pixels lie in memory. The byte order is the memory's.
type Format int

const (
	NV12 Format = iota // luma rows, then rows of interleaved Cb and Cr, half as many; BT.601, limited range, as media.Frame
	BGRA               // four bytes a pixel
	RGBA               // four bytes a pixel: what a GL texture of GL_RGBA8 holds
)

func (f Format) String() string {
	switch f {
	case NV12:
		return "NV12"
	case BGRA:
		return "BGRA"
	case RGBA:
		return "RGBA"
	}
	return fmt.Sprintf("format %d", int(f))
}

// rowBytes is the length of a row of pixels, rows how many rows of that length a picture has.
func (f Format) rowBytes(size media.Size) int {
	if f == NV12 {
		return size.Width
	}
	return 4 * size.Width
}

func (f Format) rows(size media.Size) int {
	if f == NV12 {
		return size.Height + size.Height/2
	}
	return size.Height
}

// Kind is what holds a Picture's pixels.
type Kind int

const (
	Linear  Kind = iota // rows in device memory
	Array               // a CUDA array, laid out as the GPU likes it
	Texture             // a GL texture
)

func (k Kind) String() string {
	switch k {
	case Linear:
		return "memory"
	case Array:
		return "array"
	case Texture:
		return "texture"
	}
	return fmt.Sprintf("kind %d", int(k))
}
