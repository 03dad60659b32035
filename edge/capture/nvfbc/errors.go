package nvfbc

import (
	"errors"
	"fmt"
)

// Errors of opening. All of them come with ErrUnavailable, and so do cuda.ErrNoLibrary, cuda.ErrNotALibrary and cuda.ErrNoDevice.
var (
	// ErrUnavailable reports that this build or this machine cannot capture through NvFBC; the message says why.
	ErrUnavailable = errors.New("NvFBC capture unavailable")
	// ErrNotInstalled reports a machine without libnvidia-fbc.so.1, which has the rest of NVIDIA's driver or nothing of it.
	ErrNotInstalled = errors.New("NvFBC is not installed")
	// ErrNoDisplay reports that DISPLAY names no X server on NVIDIA's driver that can be reached.
	ErrNoDisplay = errors.New("no X server on NVIDIA's driver")
	// ErrNotSupported reports a GPU on which NVIDIA does not allow NvFBC.
	ErrNotSupported = errors.New("this GPU does not offer NvFBC")
	// ErrDriverTooOld reports a library of an API before 1.7.
	ErrDriverTooOld = errors.New("NVIDIA's driver is too old")
	// ErrBusy reports that the driver allows no further capture session.
	ErrBusy = errors.New("no further NvFBC session is allowed")
)

// The API that is asked for.
const (
	apiMajor = 1
	apiMinor = 7
)

// Status codes that get a meaning (NVFBCSTATUS in NVIDIA's documentation).
const (
	statusAPIVersion   = 1
	statusMaxClients   = 6
	statusUnsupported  = 7
	statusX            = 10
	statusGLX          = 11
	statusGL           = 12
	statusMustRecreate = 16
)

// statusNames are NVFBCSTATUS in order, without their common prefix.
var statusNames = [...]string{
	"SUCCESS", "API_VERSION", "INTERNAL", "INVALID_PARAM", "INVALID_PTR", "INVALID_HANDLE", "MAX_CLIENTS", "UNSUPPORTED", "OUT_OF_MEMORY",
	"BAD_REQUEST", "X", "GLX", "GL", "CUDA", "ENCODER", "CONTEXT", "MUST_RECREATE", "VULKAN",
}

// Error is a call of NvFBC that failed.
type Error struct {
	Call string // for example NvFBCToCudaGrabFrame
	Code int    // NVFBCSTATUS
	Said string // the driver's own words, where it has some
}

func (e *Error) Error() string {
	name := "unknown code"
	if e.Code > 0 && e.Code < len(statusNames) {
		name = "NVFBC_ERR_" + statusNames[e.Code]
	}
	text := fmt.Sprintf("%s: %s (%d)", e.Call, name, e.Code)
	if e.Said != "" {
		text += ": " + e.Said
	}
	return text
}

// codeOf is an Error's code, and 0 for other errors.
func codeOf(err error) int {
	var status *Error
	if errors.As(err, &status) {
		return status.Code
	}
	return 0
}

// Remedies, after a semicolon as in all messages that people read.
const (
	remedyDriver  = "install a newer driver"
	remedyGPU     = "NVIDIA allows it on professional and data-centre GPUs (Quadro, RTX A, Tesla, L); capture through X11 instead"
	remedyDisplay = "start Xorg with the driver nvidia, and name it in DISPLAY and XAUTHORITY"
	remedyBusy    = "end another program that captures, or capture from another process"
)

// refusal gives the driver's answer at opening its meaning. display is what DISPLAY says.
func refusal(err error, display string) error {
	switch codeOf(err) {
	case statusAPIVersion:
		return fmt.Errorf("%w: this program needs NvFBC %d.%d (%w); %s", ErrDriverTooOld, apiMajor, apiMinor, err, remedyDriver)
	case statusUnsupported:
		return fmt.Errorf("%w (%w); %s", ErrNotSupported, err, remedyGPU)
	case statusX, statusGLX, statusGL:
		where := "DISPLAY is not set"
		if display != "" {
			where = "DISPLAY=" + display
		}
		return fmt.Errorf("%w: %s (%w); %s", ErrNoDisplay, where, err, remedyDisplay)
	case statusMaxClients:
		return fmt.Errorf("%w: this process has as many as there can be (%w); %s", ErrBusy, err, remedyBusy)
	}
	return err
}
