package wayland

import (
	"errors"
	"fmt"
	"image"

	"nearlight/edge/capture/wayland/wire"
	"nearlight/internal/media"
)

// Device makes buffers in a GPU's memory, which a compositor on that GPU copies to without passing through the processor.
type Device interface {
	// Allocate makes a buffer in one of the layouts (DRM format modifiers) that the compositor takes for that format; none
	// means that it leaves the layout to the driver. An error makes capture go on in shared memory.
	Allocate(format Format, size media.Size, modifiers []uint64) (DeviceBuffer, error)
}

// DeviceBuffer is a picture in a GPU's memory.
type DeviceBuffer interface {
	// Planes are the buffer's, at most four. Their descriptors stay the buffer's own.
	Planes() []DevicePlane
	Modifier() uint64
	// Convert hands over the picture that the compositor has copied into the buffer: in to.Surface, whole, which stays as it
	// is until the next Convert or Close; or where that is left nil, the part of it as I420 in to's planes. upsideDown pictures
	// are turned. The compositor may not have finished; who knows how waits for it. When Convert returns the buffer is
	// the compositor's again. An error makes capture go on in shared memory.
	Convert(to *media.Frame, part image.Rectangle, upsideDown bool) error
	Close() error
}

// DevicePlane is a part of a DeviceBuffer, by a DMA-BUF's descriptor.
type DevicePlane struct {
	Descriptor     int
	Offset, Stride int // bytes
}

// mostPlanes is what linux-dmabuf allows.
const mostPlanes = 4

// mostModifiers bounds how many pairs of format and layout are remembered; drivers list some hundred.
const mostModifiers = 4096

// modifier is a layout that the compositor takes for a format.
type modifier struct {
	format Format
	value  uint64
}

func (c *client) handleModifier(m *wire.Message) {
	if m.Opcode != dmabufModifier {
		return // formats without a layout are told twice
	}
	format := Format(m.Uint())
	value := uint64(m.Uint())<<32 | uint64(m.Uint())
	if format.known() && len(c.modifiers) < mostModifiers {
		c.modifiers = append(c.modifiers, modifier{format, value})
	}
}

// deviceBuffer is a DeviceBuffer that the compositor knows.
type deviceBuffer struct {
	number uint32
	shape  layout
	DeviceBuffer
}

var _ buffer = (*deviceBuffer)(nil)

func (b *deviceBuffer) object() uint32 { return b.number }
func (b *deviceBuffer) layout() layout { return b.shape }
func (b *deviceBuffer) close() error   { return b.Close() }

func (b *deviceBuffer) convert(to *media.Frame, part image.Rectangle, upsideDown bool) error {
	return b.Convert(to, part, upsideDown)
}

// candidate is a buffer of which the compositor has not said yet whether it can use it.
type candidate struct {
	params uint32
	shape  layout
	buffer DeviceBuffer
}

// propose makes a buffer in the GPU's memory and shows it to the compositor. It reports whether there was one to show.
func (c *client) propose(shape layout) (bool, error) {
	if c.incoming.buffer != nil { // of a shot that was refused before the compositor had its say
		c.conn.Begin(c.incoming.params, paramsDestroy)
		c.conn.End()
		old := c.incoming.buffer
		c.incoming = candidate{}
		if err := old.Close(); err != nil {
			return false, err
		}
	}
	var modifiers []uint64
	for _, m := range c.modifiers {
		if m.format == shape.format {
			modifiers = append(modifiers, m.value)
		}
	}
	made, err := c.device.Allocate(shape.format, shape.size, modifiers)
	if err != nil {
		c.withoutDevice(err)
		return false, nil
	}
	planes := made.Planes()
	if len(planes) == 0 || len(planes) > mostPlanes {
		c.withoutDevice(fmt.Errorf("its buffer has %d planes", len(planes)))
		return false, made.Close()
	}
	c.incoming = candidate{params: c.numbers.take(), shape: shape, buffer: made}
	c.conn.Begin(c.dmabuf, dmabufCreateParams)
	c.conn.Uint(c.incoming.params)
	c.conn.End()
	for n, plane := range planes {
		if err := c.conn.Flush(); err != nil { // the descriptor belongs to the request that follows
			return true, gone(err)
		}
		c.conn.Begin(c.incoming.params, paramsAdd)
		c.conn.Uint(uint32(n))
		c.conn.Uint(uint32(plane.Offset))
		c.conn.Uint(uint32(plane.Stride))
		c.conn.Uint(uint32(made.Modifier() >> 32))
		c.conn.Uint(uint32(made.Modifier()))
		c.conn.End()
		if err := c.conn.Flush(plane.Descriptor); err != nil {
			return true, gone(err)
		}
	}
	// Not create_immed: what it cannot use, a compositor may answer by ending the connection.
	c.conn.Begin(c.incoming.params, paramsCreate)
	c.conn.Int(shape.size.Width)
	c.conn.Int(shape.size.Height)
	c.conn.Uint(uint32(shape.format))
	c.conn.Uint(0)
	c.conn.End()
	c.shot.step = proposed
	return true, nil
}

// handleImport takes the compositor's word on a buffer.
func (c *client) handleImport(m *wire.Message) error {
	in := c.incoming
	c.incoming = candidate{}
	c.conn.Begin(in.params, paramsDestroy)
	c.conn.End()
	if m.Opcode != paramsCreated {
		c.withoutDevice(errors.New("the compositor cannot use its buffer"))
		return in.buffer.Close()
	}
	c.buffer = &deviceBuffer{number: m.Uint(), shape: in.shape, DeviceBuffer: in.buffer}
	if c.shot.step == proposed { // else it was refused meanwhile, and the buffer is for the next one
		c.copy()
	}
	return nil
}

// forsake gives up a buffer of which the device could not bring the picture, and the device with it. The picture is asked for
// again at once, whether the screen changes or not.
func (c *client) forsake(reason error) error {
	c.done()
	c.device, c.useless, c.again = nil, reason, true
	return c.release()
}

// onDevice reports whether the buffer lies in the GPU's memory.
func (c *client) onDevice() bool {
	_, is := c.buffer.(*deviceBuffer)
	return is
}

// withoutDevice goes on in shared memory: the device is not asked again.
func (c *client) withoutDevice(reason error) {
	c.device, c.useless = nil, reason
	if c.shot.step == proposed {
		c.shot.step = offered
	}
}
