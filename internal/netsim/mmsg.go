package netsim

import (
	"encoding/binary"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// batchSize is how many datagrams one system call moves at the most: a segment train of 64 KiB in packets of 1200 octets.
	batchSize = 56
	// readerSize is how many are read before they are looked at. They lie in 1.2 MB.
	readerSize = 512
	// datagramSize is the largest datagram that a relay carries; larger ones are lost and counted. A path's MTU is 1500.
	datagramSize = 2048
	// controlSize has room for what each datagram comes with: a timestamp, the ECN field, the count of datagrams missed.
	controlSize = 128
)

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	header unix.Msghdr
	octets uint32
}

// reader gathers what comes to several sockets, one after the other.
type reader struct {
	headers  [readerSize]mmsghdr
	vectors  [readerSize]unix.Iovec
	names    [readerSize]unix.RawSockaddrInet6 // which an IPv4 address fits into
	controls [readerSize][controlSize]byte
	data     [readerSize][datagramSize]byte
	count    int
}

// incoming is a datagram that was read; the octets are the reader's until it is cleared.
type incoming struct {
	data []byte
	from netip.AddrPort
	ecn  ECN
	// stamp is when the kernel had it, on CLOCK_REALTIME, in nanoseconds; 0 if it does not say.
	stamp int64
	// missed is how many datagrams the socket has had no room for since it was opened, 0 if none before this one.
	missed uint32
	cut    bool // it was larger than datagramSize
}

func newReader() *reader {
	r := &reader{}
	for i := range r.headers {
		r.vectors[i] = unix.Iovec{Base: &r.data[i][0]}
		r.vectors[i].SetLen(datagramSize)
		h := &r.headers[i].header
		*h = unix.Msghdr{Name: (*byte)(unsafe.Pointer(&r.names[i])), Iov: &r.vectors[i], Control: &r.controls[i][0]}
		h.SetIovlen(1)
		r.prepare(i)
	}
	return r
}

// prepare sets the lengths that the kernel writes to.
func (r *reader) prepare(i int) {
	h := &r.headers[i].header
	h.Namelen = unix.SizeofSockaddrInet6
	h.SetControllen(controlSize)
}

// read adds what has come to a socket, without waiting, and says whether there may be more.
func (r *reader) read(fd int) (more bool, err error) {
	room := min(readerSize-r.count, batchSize)
	if room == 0 {
		return false, nil
	}
	n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&r.headers[r.count])), uintptr(room), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return false, errno
	}
	r.count += int(n)
	return int(n) == room, nil
}

// clear forgets what was read.
func (r *reader) clear() {
	for i := range r.count {
		r.prepare(i)
	}
	r.count = 0
}

func (r *reader) datagram(i int) incoming {
	h := &r.headers[i]
	d := incoming{data: r.data[i][:h.octets], from: addressOf(&r.names[i]), cut: h.header.Flags&unix.MSG_TRUNC != 0}
	for rest := r.controls[i][:h.header.Controllen]; len(rest) >= unix.SizeofCmsghdr; {
		c := (*unix.Cmsghdr)(unsafe.Pointer(&rest[0]))
		length := int(c.Len)
		if length < unix.SizeofCmsghdr || length > len(rest) {
			break
		}
		value := rest[unix.CmsgLen(0):length]
		switch {
		case c.Level == unix.SOL_SOCKET && c.Type == unix.SCM_TIMESTAMPNS && len(value) >= int(unsafe.Sizeof(unix.Timespec{})):
			d.stamp = (*unix.Timespec)(unsafe.Pointer(&value[0])).Nano()
		case c.Level == unix.SOL_SOCKET && c.Type == unix.SO_RXQ_OVFL && len(value) >= 4:
			d.missed = binary.NativeEndian.Uint32(value)
		case c.Level == unix.IPPROTO_IP && c.Type == unix.IP_TOS && len(value) >= 1:
			d.ecn = ECN(value[0] & 3)
		case c.Level == unix.IPPROTO_IPV6 && c.Type == unix.IPV6_TCLASS && len(value) >= 4:
			d.ecn = ECN(binary.NativeEndian.Uint32(value) & 3)
		}
		rest = rest[min(unix.CmsgSpace(length-unix.CmsgLen(0)), len(rest)):]
	}
	return d
}

// writer gathers datagrams for one socket at a time.
type writer struct {
	headers  [batchSize]mmsghdr
	vectors  [batchSize]unix.Iovec
	names    [batchSize]unix.RawSockaddrInet6
	controls [batchSize][controlSize]byte

	fd    int
	count int
	six   bool // whether the socket is one of IPv6
}

// add puts a datagram in, which must stay as it is until flush. An invalid address means the socket's peer.
func (w *writer) add(data []byte, to netip.AddrPort, ecn ECN) {
	i := w.count
	w.count++
	h := &w.headers[i].header
	*h = unix.Msghdr{Iov: &w.vectors[i]}
	h.SetIovlen(1)
	w.vectors[i] = unix.Iovec{Base: unsafe.SliceData(data)}
	w.vectors[i].SetLen(len(data))
	if to.IsValid() {
		h.Name, h.Namelen = (*byte)(unsafe.Pointer(&w.names[i])), putAddress(&w.names[i], to)
	}
	if ecn == NotECT {
		return
	}
	c := (*unix.Cmsghdr)(unsafe.Pointer(&w.controls[i][0]))
	c.Level, c.Type = unix.IPPROTO_IP, unix.IP_TOS
	if w.six {
		c.Level, c.Type = unix.IPPROTO_IPV6, unix.IPV6_TCLASS
	}
	c.SetLen(unix.CmsgLen(4))
	binary.NativeEndian.PutUint32(w.controls[i][unix.CmsgLen(0):], uint32(ecn))
	h.Control = &w.controls[i][0]
	h.SetControllen(unix.CmsgSpace(4))
}

// flush sends what was put in, in order, and returns how many datagrams the socket refused.
func (w *writer) flush() (refused int) {
	for first := 0; first < w.count; {
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(w.fd), uintptr(unsafe.Pointer(&w.headers[first])), uintptr(w.count-first), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			first += int(n)
		case unix.EINTR:
		case unix.ECONNREFUSED: // is what became of an earlier datagram: this one was not sent, and can be
			refused++
		default:
			refused++
			first++
		}
	}
	w.count = 0
	return refused
}

// addressOf reads what the kernel wrote; an address of IPv4 is shorter, and its port lies at the same place.
func addressOf(name *unix.RawSockaddrInet6) netip.AddrPort {
	port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&name.Port))[:])
	switch name.Family {
	case unix.AF_INET:
		four := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		return netip.AddrPortFrom(netip.AddrFrom4(four.Addr), port)
	case unix.AF_INET6:
		return netip.AddrPortFrom(netip.AddrFrom16(name.Addr).Unmap(), port)
	}
	return netip.AddrPort{}
}

// putAddress returns the length of the address that it wrote.
func putAddress(name *unix.RawSockaddrInet6, address netip.AddrPort) uint32 {
	*name = unix.RawSockaddrInet6{}
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&name.Port))[:], address.Port())
	if address.Addr().Is4() {
		four := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		four.Family, four.Addr = unix.AF_INET, address.Addr().As4()
		return unix.SizeofSockaddrInet4
	}
	name.Family, name.Addr = unix.AF_INET6, address.Addr().As16()
	return unix.SizeofSockaddrInet6
}

func clock(id int32) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(id, &t); err != nil {
		panic("clock_gettime cannot fail for a clock that Linux has: " + err.Error())
	}
	return time.Duration(t.Nano())
}
