package wayland

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nearlight/edge/capture"
	"nearlight/edge/capture/wayland/wire"
	"nearlight/internal/media"
)

func TestOpenSaysWhatACompositorLacks(t *testing.T) {
	for missing, version := range map[string]uint32{shmInterface: 0, outputInterface: 0, screencopyInterface: 2} {
		t.Run(missing, func(t *testing.T) {
			globals := everything()
			if globals[missing] = version; version == 0 {
				delete(globals, missing)
			}
			f := serve(t, &fake{globals: globals})
			if _, err := Open(soon(t), Config{Socket: f.socket}); !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), missing) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestPixelsAreReadInTheOrderInWhichTheyCome(t *testing.T) {
	const red, blue = 0xff0000, 0x0000ff // as words of a format with blue first
	for _, step := range []struct {
		name         string
		format       uint32
		flags        uint32
		pixel, first uint32
		chroma       media.Chroma
	}{
		{"blue first", shmFormatXRGB8888, 0, red, blue, media.Chroma420},
		{"blue first, with alpha", shmFormatARGB8888, 0, red, blue, media.Chroma420},
		{"red first", uint32(FormatXBGR8888), 0, blue, red, media.Chroma420},
		{"red first, with alpha", uint32(FormatABGR8888), 0, blue, red, media.Chroma420},
		{"upside down", shmFormatXRGB8888, frameYInvert, red, blue, media.Chroma420},
		{"blue first, in 4:4:4", shmFormatXRGB8888, 0, red, blue, media.Chroma444},
		{"red first and upside down, in 4:4:4", uint32(FormatXBGR8888), frameYInvert, blue, red, media.Chroma444},
	} {
		t.Run(step.name, func(t *testing.T) {
			f := serve(t, &fake{
				offer:  func(f *fake, frame uint32) { f.offerShared(frame, step.format, fakeSize, fakeStride) },
				copied: func(f *fake, frame, buffer uint32) { f.show(frame, buffer, step.flags, step.pixel, step.first) },
			})
			s := opened(t, f, Config{Chroma: step.chroma})
			frame, err := s.Next(soon(t), 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := frame.CheckIn(step.chroma); err != nil || frame.Visible != fakeSize {
				t.Errorf("the frame is %v: %v", frame.Visible, err)
			}
			top, bottom := frame.Y.Data[0], frame.Y.Data[(fakeSize.Height-1)*frame.Y.Stride]
			const lumaOfRed, lumaOfBlue = 81, 41 // BT.601, limited range
			want := [2]byte{lumaOfBlue, lumaOfRed}
			if step.flags != 0 {
				want = [2]byte{lumaOfRed, lumaOfBlue}
			}
			for i, got := range [2]byte{top, bottom} {
				if diff := int(got) - int(want[i]); diff < -2 || diff > 2 {
					t.Errorf("luma at the top and bottom is %d and %d, want %v", top, bottom, want)
				}
			}
		})
	}
}

func TestARefusedShotIsAskedForAgain(t *testing.T) {
	refusals := 0
	f := serve(t, &fake{copied: func(f *fake, frame, buffer uint32) {
		if refusals++; refusals < 5 {
			f.event(frame, frameFailed)
			return
		}
		f.show(frame, buffer, 0, 1, 1)
	}})
	if _, err := opened(t, f, Config{}).Next(soon(t), 0); err != nil {
		t.Error(err)
	}
}

func TestACompositorThatRefusesForEverIsAnError(t *testing.T) {
	f := serve(t, &fake{copied: func(f *fake, frame, _ uint32) { f.event(frame, frameFailed) }})
	if _, err := opened(t, f, Config{}).Next(soon(t), 0); err == nil || !strings.Contains(err.Error(), "refuses") {
		t.Errorf("got %v", err)
	}
}

func TestWhatACompositorSaysIsNotBelieved(t *testing.T) {
	for name, offer := range map[string]func(f *fake, frame uint32){
		"a size of nothing": func(f *fake, frame uint32) { f.offerShared(frame, 1, media.Size{}, 0) },
		"a huge size": func(f *fake, frame uint32) {
			f.offerShared(frame, 1, media.Size{Width: 1 << 30, Height: 1 << 30}, 1<<31-4)
		},
		"a negative size":       func(f *fake, frame uint32) { f.offerShared(frame, 1, media.Size{Width: -1, Height: 16}, 64) },
		"rows that overlap":     func(f *fake, frame uint32) { f.offerShared(frame, 1, fakeSize, 4) },
		"rows of gigabytes":     func(f *fake, frame uint32) { f.offerShared(frame, 1, fakeSize, 1<<30) },
		"a format of ten bits":  func(f *fake, frame uint32) { f.offerShared(frame, 'X'|'R'<<8|'3'<<16|'0'<<24, fakeSize, fakeStride) },
		"no buffer":             func(f *fake, frame uint32) { f.event(frame, frameBufferDone) },
		"an answer too early":   func(f *fake, frame uint32) { f.event(frame, frameReady, 0, 0, 0) },
		"an event cut short":    func(f *fake, frame uint32) { f.event(frame, frameBuffer, 1) },
		"an error of its own":   func(f *fake, frame uint32) { f.refuse("it is late") },
		"bytes of no message":   func(f *fake, _ uint32) { f.event(0, 0) },
		"refused before a size": func(f *fake, frame uint32) { f.event(frame, frameFailed) },
	} {
		t.Run(name, func(t *testing.T) {
			f := serve(t, &fake{offer: offer})
			s, err := Open(soon(t), Config{Socket: f.socket})
			if err == nil {
				t.Errorf("a source of %v", s.Size())
				_ = s.Close()
			}
			<-f.gone // nothing is left open
		})
	}
}

func (f *fake) refuse(text string) {
	f.Begin(displayObject, displayError)
	f.Uint(3)
	f.Uint(1)
	f.String(text)
	f.End()
}

func TestACompositorsErrorIsTold(t *testing.T) {
	f := serve(t, &fake{copied: func(f *fake, _, _ uint32) { f.refuse("invalid buffer") }})
	if _, err := opened(t, f, Config{}).Next(soon(t), 0); err == nil || !strings.Contains(err.Error(), "invalid buffer") {
		t.Errorf("got %v", err)
	}
}

func TestAnOutputThatIsSwitchedOffIsGone(t *testing.T) {
	f := serve(t, &fake{globals: map[string]uint32{shmInterface: 1, outputInterface: 1, screencopyInterface: 3}, copied: func(f *fake, _, _ uint32) {
		for name := range uint32(3) { // they were named in any order
			f.event(2, registryGlobalRemove, 101+name)
		}
	}})
	if _, err := opened(t, f, Config{}).Next(soon(t), 0); !errors.Is(err, capture.ErrGone) {
		t.Errorf("got %v", err)
	}
}

func TestACaptureTimeLiesBetweenRequestAndArrival(t *testing.T) {
	for name, words := range map[string][3]uint32{
		"the distant past":   {0, 0, 0},
		"the distant future": {1 << 30, 0, 0},
		"not normal":         {0, 1, 1<<32 - 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := serve(t, &fake{copied: func(f *fake, frame, _ uint32) { f.event(frame, frameReady, words[:]...) }})
			s := opened(t, f, Config{})
			before := media.Now()
			frame, err := s.Next(soon(t), 0)
			if err != nil {
				t.Fatal(err)
			}
			if at := frame.Times.Damaged; at < before || at > frame.Times.Converted {
				t.Errorf("captured at %v, between %v and %v", at, before, frame.Times.Converted)
			}
		})
	}
}

func TestAClientThatStopsReadingIsNotWaitedFor(t *testing.T) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(ends[1])
	conn, err := wire.Open(ends[0])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range 1 << 20 {
		conn.Begin(1, 0)
		conn.Array(make([]byte, 1000))
		conn.End()
		if err := conn.Flush(); errors.Is(err, wire.ErrClosed) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
	t.Error("a gigabyte was taken by nobody")
}

func TestOpenGivesUpWithItsContext(t *testing.T) {
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "w")) // accepts, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, Config{Socket: listener.Addr().String()}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
