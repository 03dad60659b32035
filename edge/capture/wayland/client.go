package wayland

import (
	"errors"
	"fmt"

	"nearlight/edge/capture"
	"nearlight/edge/capture/wayland/wire"
	"nearlight/internal/media"
)

// client is our end of a connection: the objects that it made, and the shot under way. Source guards it.
type client struct {
	conn    *wire.Conn
	numbers numbers

	registry, callback              uint32
	shm, output, screencopy, dmabuf uint32 // 0 when the compositor has none
	found                           [4]global
	synced                          bool

	device    Device     // nil for none, or when it was of no use
	useless   error      // why it was of no use, until that was logged
	modifiers []modifier // of the formats that the compositor takes in a GPU's memory
	shot      shot
	buffer    buffer // nil until the first shot
	again     bool   // the last picture was lost: the next shot does not wait for a change
	incoming  candidate
}

// global is an object that the compositor offers to bind.
type global struct {
	name, version uint32 // version 0: not offered
}

// wanted are the globals that are bound, in the order of client.found.
var wanted = [4]struct {
	iface    string
	version  uint32
	optional bool
}{
	{shmInterface, shmVersion, false}, {outputInterface, outputVersion, false},
	{screencopyInterface, screencopyVersion, false}, {dmabufInterface, dmabufVersion, true},
}

// errInterrupted reports that a wait was interrupted; its reason is looked at by who waited.
var errInterrupted = errors.New("interrupted")

// numbers hands out objects' numbers, as low as possible: a compositor takes no other. One that was handed out is used
// again when the compositor has forgotten its object.
type numbers struct {
	last uint32
	free []uint32
}

func (n *numbers) take() uint32 {
	if last := len(n.free) - 1; last >= 0 {
		number := n.free[last]
		n.free = n.free[:last]
		return number
	}
	n.last++
	return n.last
}

// giveBack takes a number that the compositor says is free; a wrong one is ignored.
func (n *numbers) giveBack(number uint32) {
	if number > displayObject && number <= n.last && len(n.free) < int(n.last) {
		n.free = append(n.free, number)
	}
}

// greet asks what the compositor has, and binds what is needed.
func (c *client) greet() error {
	c.numbers.last = displayObject
	c.registry = c.numbers.take()
	c.conn.Begin(displayObject, displayGetRegistry)
	c.conn.Uint(c.registry)
	c.conn.End()
	if err := c.roundTrip(); err != nil {
		return err
	}
	for i, object := range [...]*uint32{&c.shm, &c.output, &c.screencopy, &c.dmabuf} {
		offered, want := c.found[i], wanted[i]
		if want.optional && (c.device == nil || offered.version < want.version) {
			continue
		}
		if offered.version == 0 {
			return fmt.Errorf("%w: the compositor has no %s; sway 1.7 and later has it", ErrUnavailable, want.iface)
		}
		if offered.version < want.version {
			return fmt.Errorf("%w: the compositor has version %d of %s, and %d is needed; sway 1.7 and later has it",
				ErrUnavailable, offered.version, want.iface, want.version)
		}
		*object = c.numbers.take()
		c.conn.Begin(c.registry, registryBind)
		c.conn.Uint(offered.name)
		c.conn.String(want.iface)
		c.conn.Uint(want.version)
		c.conn.Uint(*object)
		c.conn.End()
	}
	return c.roundTrip() // what the globals tell of themselves has come then
}

// roundTrip waits until the compositor has done all that it was asked.
func (c *client) roundTrip() error {
	c.synced, c.callback = false, c.numbers.take()
	c.conn.Begin(displayObject, displaySync)
	c.conn.Uint(c.callback)
	c.conn.End()
	for {
		if err := c.dispatch(); err != nil || c.synced {
			return err
		}
		if err := c.conn.Flush(); err != nil {
			return gone(err)
		}
		if woken, err := c.conn.Wait(0); err != nil {
			return err
		} else if woken == wire.Interrupted {
			return errInterrupted
		}
		if err := c.conn.Receive(); err != nil {
			return gone(err)
		}
	}
}

// gone says of a connection that was lost what it means.
func gone(err error) error {
	if errors.Is(err, wire.ErrClosed) {
		return fmt.Errorf("%w: %w", capture.ErrGone, err)
	}
	return err
}

// dispatch handles what was received.
func (c *client) dispatch() error {
	for {
		m, more, err := c.conn.Next()
		if err != nil || !more {
			return err
		}
		if err := c.handle(&m); err != nil {
			return err
		}
		if err := m.Err(); err != nil {
			return fmt.Errorf("event %d of object %d: %w", m.Opcode, m.Object, err)
		}
	}
}

func (c *client) handle(m *wire.Message) error {
	switch m.Object {
	case displayObject:
		switch m.Opcode {
		case displayError:
			object, code, text := m.Uint(), m.Uint(), m.String()
			return fmt.Errorf("the compositor refused a request of object %d: %.200q (error %d)", object, text, code)
		case displayDeleteID:
			c.numbers.giveBack(m.Uint())
		}
	case c.registry:
		return c.handleGlobal(m)
	case c.callback:
		c.callback, c.synced = 0, true // a callback has one event
	case c.dmabuf:
		c.handleModifier(m)
	case c.incoming.params:
		return c.handleImport(m)
	case c.shot.frame:
		return c.handleShot(m)
	}
	return nil
}

func (c *client) handleGlobal(m *wire.Message) error {
	name := m.Uint()
	switch m.Opcode {
	case registryGlobal:
		iface, version := m.String(), m.Uint()
		for i, want := range wanted {
			if want.iface == iface && c.found[i].version == 0 {
				c.found[i] = global{name, version}
			}
		}
	case registryGlobalRemove:
		if output := c.found[1]; output.version != 0 && output.name == name {
			return fmt.Errorf("%w: the compositor has switched its output off", capture.ErrGone)
		}
	}
	return nil
}

// close gives back what the client holds; the compositor forgets the rest with the connection.
func (c *client) close() error {
	var errs []error
	if c.incoming.buffer != nil {
		errs = append(errs, c.incoming.buffer.Close())
	}
	if c.buffer != nil {
		errs = append(errs, c.buffer.close())
	}
	return errors.Join(append(errs, c.conn.Close())...)
}

// layout is how a picture lies in memory.
type layout struct {
	format Format
	size   media.Size
	stride int // 0 where a device decides
}
