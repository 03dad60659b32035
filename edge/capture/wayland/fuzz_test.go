package wayland

import (
	"encoding/binary"
	"testing"

	"golang.org/x/sys/unix"

	"nearlight/edge/capture/wayland/wire"
)

// FuzzEvents has a compositor send whatever it likes, with a shot at every step in between: it must be refused or
// borne, and must not make the client hold more than a few objects.
func FuzzEvents(f *testing.F) {
	var w wire.Writer
	event := func(object uint32, opcode uint16, words ...uint32) {
		w.Begin(object, opcode)
		for _, word := range words {
			w.Uint(word)
		}
		w.End()
	}
	event(7, frameBuffer, shmFormatXRGB8888, 32, 16, 128)
	event(7, frameLinuxDmabuf, uint32(FormatXRGB8888), 32, 16)
	event(7, frameBufferDone)
	event(7, frameFlags, frameYInvert)
	event(7, frameDamage, 1, 2, 1<<31, 1<<31-1)
	event(7, frameReady, 1<<31, 1<<31, 1<<31)
	event(displayObject, displayDeleteID, 7)
	event(8, paramsCreated, number)
	event(6, dmabufModifier, uint32(FormatXRGB8888), 0, 7)
	event(2, registryGlobalRemove, 3)
	f.Add(w.Bytes())
	f.Fuzz(func(t *testing.T, sent []byte) {
		ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(ends[1])
		conn, err := wire.Open(ends[0])
		if err != nil {
			t.Fatal(err)
		}
		onCard := &card{planes: 1, surface: place("the card")}
		c := &client{conn: conn, registry: 2, shm: 3, output: 4, screencopy: 5, dmabuf: 6, device: onCard}
		c.numbers.last = 6
		defer func() {
			if err := c.close(); err != nil || onCard.open != 0 {
				t.Errorf("%v, %d buffers of the card are left", err, onCard.open)
			}
		}()
		for len(sent) > 0 {
			n := min(len(sent), 1+int(binary.LittleEndian.Uint16([]byte{sent[0], 0})))
			if _, err := unix.Write(ends[1], sent[:n]); err != nil {
				t.Fatal(err)
			}
			sent = sent[n:]
			if conn.Receive() != nil || c.dispatch() != nil {
				return
			}
			switch c.shot.step {
			case none:
				c.ask()
			case offered:
				if c.answer() != nil {
					return
				}
			case taken:
				_ = c.shot.damaged(c.shot.shared.size)
				if c.onDevice() && len(sent)%2 == 1 {
					if c.forsake(errNoGPU) != nil {
						return
					}
					break
				}
				c.done()
			case refused:
				c.done()
			}
			if conn.Flush() != nil {
				return
			}
			if c.numbers.last > 1<<10 {
				t.Fatalf("%d objects", c.numbers.last)
			}
			for drained := make([]byte, 1<<16); ; {
				if n, err := unix.Read(ends[1], drained); n <= 0 || err != nil {
					break
				}
			}
		}
	})
}
