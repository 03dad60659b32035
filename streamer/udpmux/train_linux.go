package udpmux

import (
	"encoding/binary"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"nearlight/internal/media"
)

// segmentsAtOnce is how many packets the kernel cuts from one buffer at most (UDP_MAX_SEGMENTS before Linux 6.9).
const segmentsAtOnce = 64

// interactiveVideo is the DSCP of what is sent, AF41 (RFC 8837 section 5, interactive video of high priority): a network that
// honours it, Wi-Fi above all, lets it go ahead of downloads.
const interactiveVideo = 34

// system is what one sendmmsg takes: a message for each run of packets, kept so that nothing is allocated for a train.
type system struct {
	messages [trainPackets]mmsghdr
	buffers  [trainPackets]unix.Iovec
	controls [trainPackets]control
	ends     [trainPackets]int // the packet after each message's last
	address4 unix.RawSockaddrInet4
	address6 unix.RawSockaddrInet6

	count, next int // messages, and those that have left
	failed      syscall.Errno
	send        func(fd uintptr) bool // sendSome as a value, made once
}

type mmsghdr struct {
	unix.Msghdr
	length uint32
}

// control holds the ancillary data of one message: the segments' size, and the ECN bits.
type control [2 * controlSpace]byte

const controlSpace = 24 // CMSG_SPACE(4) and CMSG_SPACE(2) on 64-bit machines

func (s *system) init(t *train) { s.send = t.sendSome }

// prepare sets what all packets of the socket share.
func (s *socket) prepare(fd int) error {
	if s.is4() {
		return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, interactiveVideo<<2)
	}
	return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, interactiveVideo<<2)
}

// sendsSegments reports errors by which kernel and cards refuse to cut a buffer: EIO without checksum offload, EINVAL for
// segments longer than the route's MTU or where UDP_SEGMENT is not known, EMSGSIZE.
func refusesSegments(err syscall.Errno) bool {
	return err == unix.EIO || err == unix.EINVAL || err == unix.EMSGSIZE || err == unix.ENOPROTOOPT || err == unix.EOPNOTSUPP
}

// send hands the train to the kernel. The error is of the first packet that could not be sent; the rest is lost.
func (t *train) send() error {
	if t.to.Addr().Zone() != "" {
		return t.sendOneByOne() // Go knows the number of the interface
	}
	for t.sent < len(t.packets) {
		plain := t.socket.plain.Load()
		t.lay(plain)
		if err := t.socket.raw.Write(t.system.send); err != nil {
			t.socket.sent(0, 0, err)
			return err
		}
		switch failed := t.system.failed; {
		case failed == 0:
		case refusesSegments(failed) && !plain:
			t.socket.plain.Store(true)
		case failed == unix.ENOSYS: // no sendmmsg: an old sandbox
			return t.sendOneByOne()
		default:
			err := os.NewSyscallError("sendmmsg", failed)
			t.socket.sent(0, 0, err)
			return err
		}
	}
	return nil
}

// lay makes messages of what has not left.
func (t *train) lay(plain bool) {
	s := &t.system
	s.count, s.next, s.failed = 0, 0, 0
	name, length := t.address()
	most := segmentsAtOnce
	if plain {
		most = 1
	}
	for first := t.sent; first < len(t.packets); s.count++ {
		end := t.run(first, most)
		from, to := t.packets[first].from, t.packets[end-1].to
		s.buffers[s.count].Base = &t.buffer[from]
		s.buffers[s.count].SetLen(to - from)
		m := &s.messages[s.count]
		m.Msghdr = unix.Msghdr{Name: name, Namelen: length, Iov: &s.buffers[s.count]}
		m.SetIovlen(1)
		if used := t.control(&s.controls[s.count], end-first, t.packets[first].to-from); used > 0 {
			m.Control = &s.controls[s.count][0]
			m.SetControllen(used)
		}
		s.ends[s.count] = end
		first = end
	}
}

// address is the destination in the socket's family.
func (t *train) address() (*byte, uint32) {
	s := &t.system
	if t.socket.is4() {
		s.address4 = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: t.to.Addr().Unmap().As4()}
		binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&s.address4.Port))[:], t.to.Port())
		return (*byte)(unsafe.Pointer(&s.address4)), unix.SizeofSockaddrInet4
	}
	s.address6 = unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: t.to.Addr().As16()}
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&s.address6.Port))[:], t.to.Port())
	return (*byte)(unsafe.Pointer(&s.address6)), unix.SizeofSockaddrInet6
}

// control writes a message's ancillary data and returns its length.
func (t *train) control(c *control, packets, size int) int {
	used := 0
	put := func(level, kind int32, value []byte) {
		header := (*unix.Cmsghdr)(unsafe.Pointer(&c[used]))
		*header = unix.Cmsghdr{Level: level, Type: kind}
		header.SetLen(unix.CmsgLen(len(value)))
		copy(c[used+unix.CmsgLen(0):], value)
		used += unix.CmsgSpace(len(value))
	}
	if packets > 1 {
		var segment [2]byte
		binary.NativeEndian.PutUint16(segment[:], uint16(size))
		put(unix.IPPROTO_UDP, unix.UDP_SEGMENT, segment[:])
	}
	if t.ecn != 0 {
		var class [4]byte
		binary.NativeEndian.PutUint32(class[:], interactiveVideo<<2|uint32(t.ecn))
		if t.socket.is4() {
			put(unix.IPPROTO_IP, unix.IP_TOS, class[:])
		} else {
			put(unix.IPPROTO_IPV6, unix.IPV6_TCLASS, class[:])
		}
	}
	return used
}

// sendSome is called with the socket's descriptor whenever it takes something. It returns false to wait until it does again.
func (t *train) sendSome(fd uintptr) bool {
	s := &t.system
	for s.next < s.count {
		at := media.Now()
		n, _, failed := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&s.messages[s.next])), uintptr(s.count-s.next), 0, 0, 0)
		switch {
		case failed == unix.EINTR:
		case failed == unix.EAGAIN:
			return false
		case failed != 0:
			s.failed = failed
			return true
		default:
			s.next += int(n)
			t.departed(s.ends[s.next-1], at)
		}
	}
	return true
}
