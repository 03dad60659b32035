//go:build cgo

package x11_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jezek/xgb/xproto"
	"golang.org/x/sys/unix"

	"nearlight/internal/xvfbtest"
)

// refuser stands between a source and its X server, counts what is asked, can hold it back, and makes the server refuse
// grabs: it asks for more than the screen has.
type refuser struct {
	socket  string
	opcode  byte              // of MIT-SHM
	asked   [256]atomic.Int64 // by the request's major opcode
	left    atomic.Int64      // grabs to refuse
	refused atomic.Int64
	hold    atomic.Pointer[hold]
}

// hold stops what the source sends from one request on.
type hold struct {
	opcode, minor    byte
	reached, release chan struct{}
}

// Requests of MIT-SHM by their minor opcodes.
const (
	getImage = 4
	attachFD = 6
)

// holdAt holds back what the source sends from its next request of a kind of MIT-SHM's on, until release is called.
func (r *refuser) holdAt(t *testing.T, minor byte) (reached <-chan struct{}, release func()) {
	h := &hold{opcode: r.opcode, minor: minor, reached: make(chan struct{}), release: make(chan struct{})}
	r.hold.Store(h)
	release = sync.OnceFunc(func() { close(h.release) })
	t.Cleanup(release)
	return h.reached, release
}

// newRefuser refuses nothing until left is set. It takes one connection.
func newRefuser(t *testing.T, server *xvfbtest.Server) *refuser {
	t.Helper()
	p := newPainter(t, server)
	r := &refuser{socket: filepath.Join(t.TempDir(), "X"), opcode: p.opcode("MIT-SHM")}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: r.socket, Net: "unix"})
	p.must(err)
	var running sync.WaitGroup
	running.Go(func() {
		client, err := listener.AcceptUnix()
		if err != nil {
			t.Error(err)
			return
		}
		defer client.Close()
		behind, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: server.Socket, Net: "unix"})
		if err != nil {
			t.Error(err)
			return
		}
		defer behind.Close()
		running.Go(func() {
			_, _ = io.Copy(client, behind) // until either side hangs up
		})
		if err := r.forward(behind, client); err != nil && !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
	})
	return r
}

// forward passes on what the client sends, whole requests with the descriptors that belong to them.
func (r *refuser) forward(server, client *net.UnixConn) error {
	const largest, descriptors = 256 << 10, 4 // of a request without BIG-REQUESTS; more than one message of ours has
	var waiting []byte
	chunk, rights := make([]byte, largest), make([]byte, unix.CmsgSpace(4*descriptors))
	request, setUp := setupSize, false
	for {
		n, size, _, _, err := client.ReadMsgUnix(chunk, rights)
		if err != nil || n == 0 {
			return errors.Join(err, io.EOF)
		}
		waiting = append(waiting, chunk[:n]...)
		whole := 0
		for {
			length := request(waiting[whole:])
			if length == 0 || whole+length > len(waiting) {
				break
			}
			if setUp {
				r.look(waiting[whole : whole+length])
			}
			whole += length
			request, setUp = requestSize, true
		}
		// Descriptors may come before their request, never after it.
		sent := rights[:size]
		if _, _, err := server.WriteMsgUnix(waiting[:whole], sent, nil); err != nil {
			return err
		}
		waiting = waiting[whole:]
		if err := closeAll(sent); err != nil {
			return err
		}
	}
}

// opcode is the major opcode of an extension's requests.
func (p *painter) opcode(extension string) byte {
	p.t.Helper()
	reply, err := xproto.QueryExtension(p.Conn, uint16(len(extension)), extension).Reply()
	p.must(err)
	return reply.MajorOpcode
}

func closeAll(rights []byte) error {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return err
	}
	for _, m := range messages {
		descriptors, err := unix.ParseUnixRights(&m)
		if err != nil {
			return err
		}
		for _, fd := range descriptors {
			err = errors.Join(err, unix.Close(fd))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// setupSize is the size of the first message, 0 if that is not known yet.
func setupSize(b []byte) int {
	if len(b) < 12 {
		return 0
	}
	padded := func(at int) int { return int(binary.LittleEndian.Uint16(b[at:])+3) &^ 3 }
	return 12 + padded(6) + padded(8)
}

func requestSize(b []byte) int {
	if len(b) < 4 {
		return 0
	}
	return 4 * int(binary.LittleEndian.Uint16(b[2:]))
}

func (r *refuser) look(request []byte) {
	const width = 12 // where GetImage has the picture's width
	r.asked[request[0]].Add(1)
	if h := r.hold.Load(); h != nil && request[0] == h.opcode && request[1] == h.minor {
		r.hold.Store(nil)
		close(h.reached)
		<-h.release
	}
	if request[0] != r.opcode || request[1] != getImage || r.left.Load() == 0 {
		return
	}
	r.left.Add(-1)
	r.refused.Add(1)
	binary.LittleEndian.PutUint16(request[width:], 0xffff)
}
