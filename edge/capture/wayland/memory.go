package wayland

import (
	"errors"
	"image"
	"os"

	"golang.org/x/sys/unix"

	"nearlight/internal/media"
	"nearlight/internal/yuv"
)

// buffer is memory that the compositor copies pictures to.
type buffer interface {
	object() uint32
	layout() layout
	// convert turns a part of the picture into I420.
	convert(to *media.Frame, part image.Rectangle, upsideDown bool) error
	close() error
}

// sharedBuffer is a buffer that both sides map.
type sharedBuffer struct {
	number uint32
	shape  layout
	pixels []byte
}

var _ buffer = (*sharedBuffer)(nil)

func (b *sharedBuffer) object() uint32 { return b.number }
func (b *sharedBuffer) layout() layout { return b.shape }
func (b *sharedBuffer) close() error   { return os.NewSyscallError("munmap", unix.Munmap(b.pixels)) }

func (b *sharedBuffer) convert(to *media.Frame, part image.Rectangle, upsideDown bool) error {
	return yuv.FromPixels(to, yuv.Pixels{
		Data: b.pixels, Stride: b.shape.stride, RedFirst: b.shape.format.RedFirst(), BottomUp: upsideDown,
	}, part)
}

// share makes a buffer in shared memory. It is sealed, so that nobody who holds the descriptor can shrink it under our
// feet.
func (c *client) share(shape layout) (err error) {
	size := shape.stride * shape.size.Height
	memory, err := unix.MemfdCreate("nearlight-capture", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return os.NewSyscallError("memfd_create", err)
	}
	defer func() { err = errors.Join(err, os.NewSyscallError("close", unix.Close(memory))) }()
	if err := unix.Ftruncate(memory, int64(size)); err != nil {
		return os.NewSyscallError("ftruncate", err)
	}
	if _, err := unix.FcntlInt(uintptr(memory), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL); err != nil {
		return os.NewSyscallError("seal shared memory", err)
	}
	pixels, err := unix.Mmap(memory, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return os.NewSyscallError("mmap", err)
	}
	shared := &sharedBuffer{shape: shape, pixels: pixels}
	c.buffer = shared // from here on it is closed with the client

	if err := c.conn.Flush(); err != nil { // the descriptor belongs to the request that follows
		return gone(err)
	}
	pool := c.numbers.take()
	c.conn.Begin(c.shm, shmCreatePool)
	c.conn.Uint(pool)
	c.conn.Int(size)
	c.conn.End()
	if err := c.conn.Flush(memory); err != nil {
		return gone(err)
	}
	shared.number = c.numbers.take()
	c.conn.Begin(pool, poolCreateBuffer)
	c.conn.Uint(shared.number)
	c.conn.Int(0)
	c.conn.Int(shape.size.Width)
	c.conn.Int(shape.size.Height)
	c.conn.Int(shape.stride)
	c.conn.Uint(shape.format.shmNumber())
	c.conn.End()
	c.conn.Begin(pool, poolDestroy) // the buffer keeps its memory
	c.conn.End()
	return nil
}
