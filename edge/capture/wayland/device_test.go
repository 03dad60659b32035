package wayland

import (
	"errors"
	"image"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nearlight/internal/media"
)

// card makes buffers of ordinary memory: it stands for a GPU's in the negotiation, not in what a GPU does with them.
type card struct {
	t         *testing.T
	planes    int
	failed    error
	asked     []uint64
	open      int
	converted int
	lost      error // of Convert, after so many pictures:
	lostAfter int
	surface   media.Surface // handed over in place of planes
}

type cardBuffer struct {
	*card
	descriptor int
}

func (c *card) Allocate(format Format, size media.Size, modifiers []uint64) (DeviceBuffer, error) {
	if c.asked = modifiers; c.failed != nil {
		return nil, c.failed
	}
	if c.t != nil && (format != FormatXRGB8888 || size != fakeSize) {
		c.t.Errorf("asked for %v of %v", size, format)
	}
	memory, err := unix.MemfdCreate("card", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	c.open++
	return &cardBuffer{c, memory}, nil
}

func (b *cardBuffer) Planes() []DevicePlane {
	return make([]DevicePlane, b.planes, mostPlanes+1)[:b.planes:b.planes]
}
func (b *cardBuffer) Modifier() uint64 { return 7 }
func (b *cardBuffer) Close() error {
	b.open--
	return os.NewSyscallError("close", unix.Close(b.descriptor))
}
func (b *cardBuffer) Convert(to *media.Frame, _ image.Rectangle, _ bool) error {
	if b.lost != nil && b.converted == b.lostAfter {
		return b.lost
	}
	b.converted++
	to.Surface = b.surface
	return nil
}

// number is a buffer's in the GPU's memory: objects that a compositor makes are numbered from 0xff000000.
const number = 0xff000001

func offerBoth(f *fake, frame uint32) {
	f.event(frame, frameBuffer, shmFormatXRGB8888, uint32(fakeSize.Width), uint32(fakeSize.Height), fakeStride)
	f.event(frame, frameLinuxDmabuf, uint32(FormatXRGB8888), uint32(fakeSize.Width), uint32(fakeSize.Height))
	f.event(frame, frameBufferDone)
}

func TestAPictureStaysInTheGPUsMemoryWhereBothSidesCan(t *testing.T) {
	accept := func(f *fake, params uint32, planes int) {
		if planes != 2 {
			f.t.Errorf("%d planes", planes)
		}
		f.objects[number] = "wl_buffer"
		f.event(params, paramsCreated, number)
	}
	reject := func(f *fake, params uint32, _ int) { f.event(params, paramsFailed) }
	for _, step := range []struct {
		name    string
		card    card
		version uint32
		offer   func(f *fake, frame uint32)
		created func(f *fake, params uint32, planes int)
		want    bool
	}{
		{"both can", card{planes: 2}, 4, offerBoth, accept, true},
		{"the compositor cannot use the buffer", card{planes: 2}, 4, offerBoth, reject, false},
		{"the card makes none", card{failed: errors.New("out of memory")}, 4, offerBoth, accept, false},
		{"the card makes one of no planes", card{planes: 0}, 4, offerBoth, accept, false},
		{"the card makes one of five", card{planes: 5}, 4, offerBoth, accept, false},
		{"the compositor offers none", card{planes: 2}, 4, nil, accept, false},
		{"the compositor's linux-dmabuf is old", card{planes: 2}, 2, offerBoth, accept, false},
	} {
		t.Run(step.name, func(t *testing.T) {
			globals := everything()
			globals[dmabufInterface] = step.version
			used := map[bool]int{}
			f := serve(t, &fake{globals: globals, offer: step.offer, created: step.created, copied: func(f *fake, frame, buffer uint32) {
				used[buffer == number]++
				f.ready(frame, 0)
			}})
			step.card.t = t
			s := opened(t, f, Config{Device: &step.card, FrameRate: 1000})
			for range 3 {
				if _, err := s.Next(soon(t), 0); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			<-f.gone
			if used[step.want] != 3 || step.want != (step.card.converted == 3) {
				t.Errorf("of three pictures %d lay in the GPU's memory, %d elsewhere; %d converted there", used[true], used[false], step.card.converted)
			}
			if step.want && (len(step.card.asked) != 2 || step.card.asked[1] != 7) {
				t.Errorf("the layouts offered to the card are %v", step.card.asked)
			}
			if step.card.open != 0 {
				t.Errorf("%d buffers of the card are left", step.card.open)
			}
		})
	}
}

func accept(f *fake, params uint32, _ int) {
	f.objects[number] = "wl_buffer"
	f.event(params, paramsCreated, number)
}

// place is a Surface that nobody reads.
type place string

func (p place) Place() string { return string(p) }

func TestAPictureThatStaysOnTheGPUIsASurface(t *testing.T) {
	shots := 0
	f := serve(t, &fake{offer: offerBoth, created: accept, copied: func(f *fake, frame, _ uint32) {
		if shots++; shots <= 2 {
			f.ready(frame, 0)
		}
	}})
	c := &card{t: t, planes: 1, surface: place("the card")}
	s := opened(t, f, Config{Device: c, FrameRate: 1000, Stamp: true})
	for n := range 4 {
		idle := time.Minute // until there is another picture, however busy the machine is
		if n >= 2 {
			idle = time.Millisecond
		}
		frame, err := s.Next(soon(t), idle)
		if err != nil {
			t.Fatal(err)
		}
		if frame.Surface != c.surface || frame.Y.Data != nil || frame.Visible != fakeSize || frame.Coded != fakeSize || frame.Still != (n >= 2) {
			t.Errorf("picture %d: %+v", n, frame)
		}
	}
}

func TestAShotThatIsRefusedWhileABufferIsLookedAtLeavesNothing(t *testing.T) {
	for name, answer := range map[string]func(f *fake, params, frame uint32){
		"and the buffer is never spoken of": func(f *fake, _, frame uint32) { f.event(frame, frameFailed) },
		"and the buffer is taken":           func(f *fake, params, frame uint32) { f.event(frame, frameFailed); accept(f, params, 1) },
		"and the buffer is taken first":     func(f *fake, params, frame uint32) { accept(f, params, 1); f.event(frame, frameFailed) },
		"and the buffer is refused":         func(f *fake, params, frame uint32) { f.event(frame, frameFailed); f.event(params, paramsFailed) },
	} {
		t.Run(name, func(t *testing.T) {
			var shot uint32
			proposals := 0
			f := serve(t, &fake{
				offer: func(f *fake, frame uint32) {
					shot = frame
					offerBoth(f, frame)
				},
				created: func(f *fake, params uint32, planes int) {
					if proposals++; proposals == 1 {
						answer(f, params, shot)
						return
					}
					accept(f, params, planes)
				},
				copied: func(f *fake, frame, _ uint32) { f.ready(frame, 0) },
			})
			c := &card{t: t, planes: 1}
			s := opened(t, f, Config{Device: c, FrameRate: 1000, Logger: slog.New(slog.DiscardHandler)})
			for range 3 {
				if _, err := s.Next(soon(t), 0); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			<-f.gone
			if c.open != 0 {
				t.Errorf("%d buffers of the card are left", c.open)
			}
		})
	}
}

func TestAGPUThatFailsLaterIsGivenUp(t *testing.T) {
	var log strings.Builder
	atOnce := 0
	f := serve(t, &fake{offer: offerBoth, created: accept, immediate: func() { atOnce++ }, copied: func(f *fake, frame, buffer uint32) {
		if buffer == number {
			f.ready(frame, 0)
			return
		}
		f.show(frame, buffer, 0, 0xffffff, 0xffffff)
	}})
	c := &card{t: t, planes: 1, surface: place("the card"), lost: errors.New("the GPU was lost"), lostAfter: 2}
	s := opened(t, f, Config{Device: c, FrameRate: 1000, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for n := range 5 {
		frame, err := s.Next(soon(t), 0)
		if err != nil {
			t.Fatal(err)
		}
		if onCard := frame.Surface != nil; onCard != (n < 2) || !onCard && frame.Y.Data[0] != white {
			t.Errorf("picture %d: on the card %v", n, onCard)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	<-f.gone
	if said := log.String(); c.open != 0 || atOnce != 1 || strings.Count(said, "going on in shared memory") != 1 || !strings.Contains(said, "the GPU was lost") {
		t.Errorf("%d buffers are left, %d pictures asked for at once, said %s", c.open, atOnce, said)
	}
}

// white is white's luma in BT.601, limited range.
const white = 235
