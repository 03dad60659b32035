package wayland

import (
	"context"
	"encoding/binary"
	"net"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nearlight/edge/capture/wayland/wire"
	"nearlight/internal/media"
)

// fake is a compositor that does what a test says: which globals it has, what it offers for a shot, how it answers one.
// What it does by itself is keeping to the protocol.
type fake struct {
	t      *testing.T
	socket string
	conn   *net.UnixConn
	wire.Writer
	descriptors []int
	objects     map[uint32]string // by number: the interface
	memory      map[uint32][]byte // of pools and buffers

	globals   map[string]uint32                        // versions
	offer     func(f *fake, frame uint32)              // on capture_output
	copied    func(f *fake, frame, buffer uint32)      // on copy_with_damage, and on copy
	immediate func()                                   // on copy
	created   func(f *fake, params uint32, planes int) // on create of a buffer in a GPU's memory
	planes    int
	plane     DevicePlane   // the last that was added
	gone      chan struct{} // closed when the client has hung up
}

var fakeSize = media.Size{Width: 32, Height: 16}

const fakeStride = 32 * bytesPerPixel

// everything is what a compositor with all that is wanted has.
func everything() map[string]uint32 {
	return map[string]uint32{shmInterface: 1, outputInterface: 4, screencopyInterface: 3, dmabufInterface: 4, "wl_seat": 7}
}

// serve starts a fake for one client, which ends with the test.
func serve(t *testing.T, f *fake) *fake {
	t.Helper()
	f.t, f.socket, f.gone = t, filepath.Join(t.TempDir(), "w"), make(chan struct{})
	f.objects, f.memory = map[uint32]string{displayObject: "wl_display"}, map[uint32][]byte{}
	if f.globals == nil {
		f.globals = everything()
	}
	if f.offer == nil {
		f.offer = func(f *fake, frame uint32) { f.offerShared(frame, shmFormatXRGB8888, fakeSize, fakeStride) }
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: f.socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(f.gone)
		conn, err := listener.AcceptUnix()
		if err != nil {
			return
		}
		defer conn.Close()
		f.conn = conn
		f.run()
	}()
	t.Cleanup(func() {
		listener.Close()
		<-f.gone
		for _, memory := range f.memory {
			_ = unix.Munmap(memory) // a pool's and its buffer's are the same
		}
		for _, descriptor := range f.descriptors {
			_ = unix.Close(descriptor)
		}
	})
	return f
}

func (f *fake) run() {
	var received []byte
	chunk, rights := make([]byte, 4096), make([]byte, 256)
	for {
		n, rightsBytes, _, _, err := f.conn.ReadMsgUnix(chunk, rights)
		if err != nil || n == 0 {
			return
		}
		if messages, err := unix.ParseSocketControlMessage(rights[:rightsBytes]); err == nil {
			for _, m := range messages {
				passed, err := unix.ParseUnixRights(&m)
				if err == nil {
					f.descriptors = append(f.descriptors, passed...)
				}
			}
		}
		received = append(received, chunk[:n]...)
		for {
			m, length, err := wire.Parse(received)
			if err != nil {
				f.t.Errorf("the client sent %v", err)
				return
			}
			if length == 0 {
				break
			}
			f.handle(&m)
			received = received[length:]
		}
		if _, err := f.conn.Write(f.Bytes()); err != nil {
			return
		}
		f.Reset()
	}
}

// event sends words as one event of an object.
func (f *fake) event(object uint32, opcode uint16, words ...uint32) {
	f.Begin(object, opcode)
	for _, word := range words {
		f.Uint(word)
	}
	f.End()
}

func (f *fake) forget(object uint32) {
	delete(f.objects, object)
	f.event(displayObject, displayDeleteID, object)
}

func (f *fake) handle(m *wire.Message) {
	switch iface := f.objects[m.Object]; iface {
	case "wl_display":
		number := m.Uint()
		if m.Opcode == displaySync {
			f.event(number, 0, 0)
			f.event(displayObject, displayDeleteID, number)
			return
		}
		f.objects[number] = "wl_registry"
		name := uint32(100)
		for iface, version := range f.globals {
			name++
			f.Begin(number, registryGlobal)
			f.Uint(name)
			f.String(iface)
			f.Uint(version)
			f.End()
		}
	case "wl_registry":
		m.Uint()
		iface, version, number := m.String(), m.Uint(), m.Uint()
		if version > f.globals[iface] {
			f.t.Errorf("bound %s in version %d", iface, version)
		}
		f.objects[number] = iface
		if iface == dmabufInterface {
			for _, value := range []uint32{0, 7} {
				f.event(number, dmabufModifier, uint32(FormatXRGB8888), 0, value)
				f.event(number, dmabufModifier, uint32(FormatABGR8888), 0, value+20)
			}
		}
	case screencopyInterface:
		frame, cursor, output := m.Uint(), m.Uint(), m.Uint()
		f.objects[frame] = "frame"
		if m.Opcode != managerCaptureOutput || cursor != 0 || f.objects[output] != outputInterface {
			f.t.Errorf("request %d of the manager: cursor %d, output %q", m.Opcode, cursor, f.objects[output])
		}
		f.offer(f, frame)
	case "frame":
		if m.Opcode == frameCopy && f.immediate != nil {
			f.immediate()
		}
		if m.Opcode == frameDestroy {
			f.forget(m.Object)
		} else if f.copied != nil {
			f.copied(f, m.Object, m.Uint())
		}
	case shmInterface:
		number, size := m.Uint(), m.Int()
		f.objects[number] = "wl_shm_pool"
		memory, err := unix.Mmap(f.descriptors[len(f.descriptors)-1], 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			f.t.Error(err)
		}
		f.memory[number] = memory
	case "wl_shm_pool":
		if m.Opcode == poolDestroy {
			delete(f.memory, m.Object)
			f.forget(m.Object)
			return
		}
		number := m.Uint()
		f.objects[number], f.memory[number] = "wl_buffer", f.memory[m.Object]
	case "wl_buffer":
		f.forget(m.Object)
	case dmabufInterface:
		f.objects[m.Uint()], f.planes = "params", 0
	case "params":
		switch m.Opcode {
		case paramsAdd:
			f.planes++
			m.Uint()
			f.plane = DevicePlane{Descriptor: f.descriptors[len(f.descriptors)-1], Offset: m.Int(), Stride: m.Int()}
		case paramsCreate:
			f.created(f, m.Object, f.planes)
		case paramsDestroy:
			f.forget(m.Object)
		}
	default:
		f.t.Errorf("request %d of object %d, which is %q", m.Opcode, m.Object, iface)
	}
	if err := m.Err(); err != nil {
		f.t.Error(err)
	}
}

func (f *fake) offerShared(frame, format uint32, size media.Size, stride int) {
	f.event(frame, frameBuffer, format, uint32(size.Width), uint32(size.Height), uint32(stride))
	f.event(frame, frameBufferDone)
}

// show answers a shot with a picture in which every pixel is the given four octets, but for those of the first row.
func (f *fake) show(frame, buffer uint32, flags uint32, pixel, first uint32) {
	memory := f.memory[buffer]
	for at := 0; at < len(memory); at += bytesPerPixel {
		value := pixel
		if at < fakeStride {
			value = first
		}
		binary.NativeEndian.PutUint32(memory[at:], value)
	}
	f.ready(frame, flags)
}

func (f *fake) ready(frame, flags uint32) {
	f.event(frame, frameFlags, flags)
	f.event(frame, frameDamage, 0, 0, uint32(fakeSize.Width), uint32(fakeSize.Height))
	now := int64(media.Now())
	f.event(frame, frameReady, 0, uint32(now/int64(time.Second)), uint32(now%int64(time.Second)))
}

// opened opens a source on the fake; it is closed with the test.
func opened(t *testing.T, f *fake, config Config) *Source {
	t.Helper()
	config.Socket = f.socket
	s, err := Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// soon is a context that ends before a test's own time is over.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}
