package wayland

import (
	"errors"
	"fmt"
	"image"
	"time"

	"nearlight/edge/capture/wayland/wire"
	"nearlight/internal/media"
)

// step is how far a shot has come.
//
//	none ── ask ──> asked ── buffer_done ──> offered ── copy ──> copying ── ready ──> taken ── done ──> none
//	                  |                         | propose           |
//	                  |                     proposed ── created ────┤
//	                  '──────── failed ─────────┴──── failed ───────┴──> refused ── done ──> none
type step int

const (
	none     step = iota
	asked         // the compositor is about to say which buffers it takes
	offered       // it has
	proposed      // the compositor looks whether it can use a buffer in a GPU's memory
	copying       // it has a buffer, and copies the next change into it
	taken         // it has
	refused       // it will not: the screen has changed its size, or it ran out of something
)

// shot is one request for a picture.
type shot struct {
	step    step
	frame   uint32 // the request's object, 0 for none
	asked   media.Instant
	shared  layout // offered in shared memory; format 0 for not
	device  layout // offered in a GPU's memory; format 0 for not
	flags   uint32
	damage  image.Rectangle
	shown   media.Instant // when the compositor made the picture, by its own word
	arrived media.Instant
}

// ask begins a shot.
func (c *client) ask() {
	c.shot = shot{step: asked, frame: c.numbers.take(), asked: media.Now()}
	c.conn.Begin(c.screencopy, managerCaptureOutput)
	c.conn.Uint(c.shot.frame)
	c.conn.Int(0) // without the cursor
	c.conn.Uint(c.output)
	c.conn.End()
}

// done ends a shot. Events of it that are still on their way are for an object that nobody knows any more.
func (c *client) done() {
	c.conn.Begin(c.shot.frame, frameDestroy)
	c.conn.End()
	c.shot.step, c.shot.frame = none, 0
}

// errNoGPU says why a device is of no use though nothing is wrong with it.
var errNoGPU = errors.New("the compositor copies to no GPU's memory: it draws on the processor, or has no " + dmabufInterface + " of version 3")

// answer hands the compositor a buffer of the kind that it has offered, in a GPU's memory if that is to be had.
func (c *client) answer() error {
	want, onDevice := c.shot.shared, c.device != nil && c.dmabuf != 0 && c.shot.device.format != 0
	if onDevice {
		want = c.shot.device
	} else if c.device != nil {
		c.withoutDevice(errNoGPU)
	}
	if c.buffer != nil && c.buffer.layout() == want {
		c.copy()
		return nil
	}
	if c.buffer != nil {
		if err := c.release(); err != nil {
			return err
		}
	}
	if onDevice {
		if shown, err := c.propose(want); shown || err != nil {
			return err
		}
	}
	if err := c.share(c.shot.shared); err != nil {
		return err
	}
	c.copy()
	return nil
}

// release gives a buffer up that no longer fits.
func (c *client) release() error {
	c.conn.Begin(c.buffer.object(), bufferDestroy)
	c.conn.End()
	err := c.buffer.close()
	c.buffer = nil
	return err
}

func (c *client) copy() {
	request := uint16(frameCopyWithDamage)
	if c.again {
		request, c.again = frameCopy, false
	}
	c.conn.Begin(c.shot.frame, request)
	c.conn.Uint(c.buffer.object())
	c.conn.End()
	c.shot.step = copying
}

func (c *client) handleShot(m *wire.Message) error {
	s := &c.shot
	switch m.Opcode {
	case frameBuffer:
		s.shared = layout{format: shmFormat(m.Uint()), size: media.Size{Width: m.Int(), Height: m.Int()}, stride: m.Int()}
		return s.shared.check()
	case frameLinuxDmabuf:
		s.device = layout{format: Format(m.Uint()), size: media.Size{Width: m.Int(), Height: m.Int()}}
		return s.device.check()
	case frameBufferDone:
		if s.step != asked || s.shared.format == 0 || s.device.format != 0 && s.device.size != s.shared.size {
			return fmt.Errorf("%w: no picture of one size to copy to shared memory", wire.ErrMalformed)
		}
		s.step = offered
	case frameFlags:
		s.flags = m.Uint()
	case frameDamage:
		x, y := m.Int(), m.Int()
		s.damage = s.damage.Union(image.Rect(x, y, x+m.Int(), y+m.Int()))
	case frameReady:
		if s.step != copying {
			return fmt.Errorf("%w: a picture that was not asked for", wire.ErrMalformed)
		}
		seconds := int64(m.Uint())<<32 | int64(m.Uint())
		s.step, s.arrived = taken, media.Now()
		s.shown = media.Instant(seconds*int64(time.Second) + int64(m.Uint()))
	case frameFailed:
		s.step = refused
	}
	return nil
}

// damaged is the part of the picture that differs from the last one. Where a compositor's damage begins in a picture that
// is stored upside down is not agreed on, so that such a picture counts as damaged everywhere, as does one whose
// damage is not told.
func (s *shot) damaged(size media.Size) image.Rectangle {
	whole := image.Rect(0, 0, size.Width, size.Height)
	if part := s.damage.Intersect(whole); !part.Empty() && s.flags&frameYInvert == 0 {
		return part
	}
	return whole
}

// time is when the picture was made: the compositor's word, as long as it lies between the request and the arrival.
func (s *shot) time() media.Instant {
	if s.shown < s.asked || s.shown > s.arrived {
		return s.arrived
	}
	return s.shown
}

// largestStride is far above any alignment of rows of the largest picture.
const largestStride = 1 << 16

// check refuses layouts that cannot be, or that nothing here can read.
func (l layout) check() error {
	if err := l.size.Check(); err != nil {
		return fmt.Errorf("the compositor's screen: %w", err)
	}
	if !l.format.known() {
		return fmt.Errorf("%w: the compositor's pixels are of the format %v", ErrUnavailable, l.format)
	}
	if l.stride != 0 && (l.stride < l.size.Width*bytesPerPixel || l.stride > largestStride) {
		return fmt.Errorf("%w: rows of %d bytes for a picture of %v", wire.ErrMalformed, l.stride, l.size)
	}
	return nil
}
