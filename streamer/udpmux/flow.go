package udpmux

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"

	"nearlight/internal/media"
)

// ErrSSRCTaken reports a synchronization source that another flow has: one that was drawn at random is to be drawn again.
var ErrSSRCTaken = errors.New("another session sends with this SSRC")

// Departure is one media packet that has left.
type Departure struct {
	SSRC     uint32
	Sequence uint16        // RTP's
	Size     int           // octets, as the network carries them in UDP
	At       media.Instant // when the kernel was given it
}

// Flow is the media of one connection: its RTP packets are known by their SSRCs, reported when they leave, and can be held
// back to leave together. What else the connection sends (STUN, DTLS, RTCP) leaves at once, ahead of what is held back.
//
//	ports.NewFlow ──> Own ──> { Begin ──> packets are written ──> End }* ──> Close
//
// Packets of the flow that are written between one goroutine's Begin and End, by whichever goroutine, are gathered and leave
// with End. Begin and End are one goroutine's at a time.
type Flow struct {
	egress   *egress
	departed func(Departure)
	stream   atomic.Pointer[stream] // that its packets were written to last; nil for a UDP socket

	mu    sync.Mutex
	ssrcs []uint32
	train *train // what is held back; nil outside Begin and End
	ecn   ecn
}

// NewFlow makes a flow that owns no SSRC yet. departed is called for each packet of it that left, under the flow's lock: it
// must return soon and not call the flow.
func (p *Ports) NewFlow(departed func(Departure)) *Flow {
	return &Flow{egress: &p.egress, departed: departed}
}

// Own makes packets of an SSRC the flow's. The error wraps ErrSSRCTaken.
func (f *Flow) Own(ssrc uint32) error {
	if err := f.egress.register(ssrc, f); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ssrcs = append(f.ssrcs, ssrc)
	return nil
}

// MarkECN has the flow's packets from now on say whether they are ECN-capable: ECT(1), for a peer that reports congestion marks
// (RFC 9331 section 4.1).
func (f *Flow) MarkECN(capable bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ecn = 0
	if capable {
		f.ecn = ect1
	}
}

// Begin holds the flow's packets back until End.
func (f *Flow) Begin() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.train == nil {
		f.train = f.egress.takeTrain()
	}
}

// End lets what was held back leave. It returns once the kernel has taken it all. What could not be sent is lost, as it would be
// on the network.
func (f *Flow) End() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.train == nil {
		return nil
	}
	err := f.flush()
	f.dropTrain()
	return err
}

// Close makes the flow own nothing any more; what is held back is dropped.
func (f *Flow) Close() {
	f.mu.Lock()
	ssrcs := f.ssrcs
	f.ssrcs = nil
	if f.train != nil {
		f.dropTrain()
	}
	f.mu.Unlock()
	f.egress.unregister(ssrcs)
}

// use tells the connection that the flow's packets go by, nil for UDP.
func (f *Flow) use(s *stream) {
	if f.stream.Load() != s {
		f.stream.Store(s)
	}
}

// Unsent is how many octets of what was written have not left this machine: over UDP none, over TCP what its network has not taken yet.
func (f *Flow) Unsent() int {
	if s := f.stream.Load(); s != nil {
		return s.unsent()
	}
	return 0
}

// write sends a packet of the flow, or holds it back.
func (f *Flow) write(s *socket, data []byte, to netip.AddrPort) (int, error) {
	f.use(nil)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.train == nil {
		t := f.egress.takeTrain()
		defer f.egress.giveBack(t)
		t.begin(s, to, f.ecn)
		t.add(data)
		return len(data), f.send(t)
	}
	if !f.train.fits(s, to, f.ecn, data) {
		if err := f.flush(); err != nil {
			return 0, err
		}
	}
	if f.train.empty() {
		f.train.begin(s, to, f.ecn)
	}
	f.train.add(data)
	return len(data), nil
}

// dropTrain ends what Begin began. The caller holds mu.
func (f *Flow) dropTrain() {
	f.egress.giveBack(f.train)
	f.train = nil
}

// flush sends what is held back. The caller holds mu.
func (f *Flow) flush() error {
	err := f.send(f.train)
	f.train.clear()
	return err
}

// send sends a train and reports what of it left. The caller holds mu.
func (f *Flow) send(t *train) error {
	err := t.send()
	for n := range t.sent {
		data := t.packet(n)
		f.departed(Departure{
			SSRC: binary.BigEndian.Uint32(data[8:]), Sequence: binary.BigEndian.Uint16(data[2:]), Size: len(data), At: t.packets[n].left,
		})
	}
	return err
}

// egress finds the flow of a packet.
type egress struct {
	mu    sync.RWMutex
	flows map[uint32]*Flow // by SSRC

	trains struct { // that nobody fills now: an idle session holds none
		mu   sync.Mutex
		free []*train
	}
}

// freeTrains bounds the trains that are kept, of 300 kB each: more are never filled at the same instant.
const freeTrains = 8

func (e *egress) takeTrain() *train {
	e.trains.mu.Lock()
	defer e.trains.mu.Unlock()
	last := len(e.trains.free) - 1
	if last < 0 {
		return newTrain()
	}
	t := e.trains.free[last]
	e.trains.free = e.trains.free[:last]
	return t
}

func (e *egress) giveBack(t *train) {
	t.clear()
	t.socket = nil
	e.trains.mu.Lock()
	defer e.trains.mu.Unlock()
	if len(e.trains.free) < freeTrains {
		e.trains.free = append(e.trains.free, t)
	}
}

func (e *egress) register(ssrc uint32, f *Flow) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if owner := e.flows[ssrc]; owner != nil && owner != f {
		return fmt.Errorf("%w: %08x", ErrSSRCTaken, ssrc)
	}
	if e.flows == nil {
		e.flows = map[uint32]*Flow{}
	}
	e.flows[ssrc] = f
	return nil
}

func (e *egress) unregister(ssrcs []uint32) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, ssrc := range ssrcs {
		delete(e.flows, ssrc)
	}
}

// rtpHeader is the length of RTP's fixed header (RFC 3550 section 5.1).
const rtpHeader = 12

// flow is whose packet data is, nil for nobody's: it is not RTP, or of a connection without a flow. RTP and RTCP are told from the
// others that share the port by the first octet (RFC 9443 section 3), and from each other by the second (RFC 5761 section 4).
func (e *egress) flow(data []byte) *Flow {
	if len(data) < rtpHeader || data[0]>>6 != 2 || data[1] >= 192 && data[1] <= 223 {
		return nil
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.flows[binary.BigEndian.Uint32(data[8:])]
}
