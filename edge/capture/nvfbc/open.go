//go:build cgo

package nvfbc

// #cgo CFLAGS: -std=gnu11 -O2 -Wall -Wextra
// #include "grabber.h"
import "C"

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"nearlight/internal/cuda"
	"nearlight/internal/media"
)

const soname = "libnvidia-fbc.so.1"

// Open connects to the display that the environment names. It may take as long as the driver does; nothing bounds that. The
// error wraps ErrUnavailable and what tells why: see the package's errors.
func Open(config Config) (*Source, error) {
	if err := config.settle(); err != nil {
		return nil, err
	}
	s := &Source{config: config, patience: mostModeset}
	s.limiter.SetFrameRate(config.FrameRate)
	if err := s.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("%w: %w", ErrUnavailable, err), s.Close())
	}
	return s, nil
}

func (s *Source) open() error {
	// CUDA first: NvFBC opens the same library by its bare name, and finds the one that is loaded.
	if s.config.Memory == OnGPU {
		context, err := cuda.Retain(s.config.Libraries, s.config.Device)
		if err != nil {
			return err
		}
		s.context = context
	}
	library, err := cuda.OpenLibrary(s.config.Libraries, soname)
	if errors.Is(err, cuda.ErrNoLibrary) {
		return fmt.Errorf("%w: %w (Debian has this part alone, as libnvidia-fbc1)", ErrNotInstalled, err)
	} else if err != nil {
		return err
	}
	create, err := library.Symbol("NvFBCCreateInstance")
	if err != nil {
		return err
	}
	var on *C.nl_cuda_context
	if s.context != nil {
		on = (*C.nl_cuda_context)(s.context.Pointer())
	}
	if s.grabber = C.grabber_new(on); s.grabber == nil {
		return errors.New("out of memory or descriptors")
	}
	grabber := s.grabber
	s.waker.Arm(func() { C.grabber_interrupt(grabber) })
	if C.grabber_open(s.grabber, create) == C.GRABBER_FAILED {
		return refusal(s.failure(), os.Getenv("DISPLAY"))
	}
	size, err := s.ask()
	if err != nil {
		return err
	}
	s.size.Store(&size)
	if _, err = s.begin(); err != nil {
		return refusal(err, os.Getenv("DISPLAY"))
	}
	return nil
}

// ask checks that the screen can be captured, and returns its size.
func (s *Source) ask() (media.Size, error) {
	var report C.struct_grabber_report
	if C.grabber_ask(s.grabber, &report) == C.GRABBER_FAILED {
		return media.Size{}, refusal(s.failure(), os.Getenv("DISPLAY"))
	}
	size := media.Size{Width: int(report.width), Height: int(report.height)}
	switch {
	case report.library>>8 < apiMajor, report.library>>8 == apiMajor && report.library&0xff < apiMinor:
		return size, fmt.Errorf("%w: it speaks NvFBC %d.%d, this program needs %d.%d; %s",
			ErrDriverTooOld, report.library>>8, report.library&0xff, apiMajor, apiMinor, remedyDriver)
	case report.possible == 0:
		return size, fmt.Errorf("%w; %s", ErrNotSupported, remedyGPU)
	case report.in_modeset != 0:
		return size, nil // it has none worth checking; Next goes on
	case report.creatable == 0:
		return size, fmt.Errorf("%w; %s", ErrBusy, remedyBusy)
	}
	return size, size.Check()
}

// begin makes a capture session. It returns false while the screen changes its mode and none can be made.
func (s *Source) begin() (bool, error) {
	if s.inModeset() {
		return false, nil
	}
	if C.grabber_begin(s.grabber) != C.GRABBER_FAILED {
		s.session = true
		return true, nil
	}
	err := s.failure()
	if codeOf(err) == statusMustRecreate || s.inModeset() { // it has just begun
		return false, nil
	}
	return false, err
}

func (s *Source) inModeset() bool {
	var report C.struct_grabber_report
	return C.grabber_ask(s.grabber, &report) != C.GRABBER_FAILED && report.in_modeset != 0
}

// failure is the last failed call.
func (s *Source) failure() error {
	f := C.grabber_failure_of(s.grabber)
	said := C.GoString(&f.said[0])
	switch {
	case f.call == nil:
		return errors.New(said)
	case f.cuda != 0:
		return &cuda.Error{Call: C.GoString(f.call), Code: int(f.code), Name: said}
	}
	return &Error{Call: C.GoString(f.call), Code: int(f.code), Said: said}
}

// picture is the source's picture in C, nil for host memory.
func (s *Source) picture() *C.nl_cuda_picture {
	if s.surface == nil {
		return nil
	}
	return (*C.nl_cuda_picture)(unsafe.Pointer(s.surface.Pointer()))
}
