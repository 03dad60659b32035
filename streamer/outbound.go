package streamer

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"nearlight/internal/alarm"
	"nearlight/internal/media"
	"nearlight/streamer/dependency"
	"nearlight/streamer/packetizer"
	"nearlight/streamer/udpmux"
)

// keptPackets is how many packets of the video stream can be sent again: about a second at 8 Mbit/s. It is a power of two,
// and more than any frame has.
const keptPackets = 1024

// outbound is the sending end of a connection. A packet is put in line, leaves when its turn comes (see schedule), is known by its
// transport-wide number until the player reports on it, and is kept for a while in case that it is lost:
//
//	put ──> in line ──> left ──> kept, and sent again when asked for ──> overwritten
//
// Whoever puts a packet in line sends what may leave at once. What has to wait is sent by run. Repeats go ahead of the line.
type outbound struct {
	flow  *udpmux.Flow
	alarm *alarm.Alarm
	left  func(media.StageTimes) // called under mu when a frame's last packet has left
	rate  rateControl
	// ccfb is whether the player has agreed to report by RFC 8888; unmarked is set before anything is sent.
	ccfb     atomic.Bool
	unmarked bool

	mu         sync.Mutex
	wire       *wire // nil until negotiated
	kept       [keptPackets]*kept
	next       uint16 // sequence number of the packet that is put in line next
	first      uint16 // of the first one in line; next when nothing is
	schedule   schedule
	sent       sentLog
	report     senderReport
	frame      frameInLine
	frames     [frameHistory]numberedFrame // by number modulo
	octets     int                         // of the newest frame, as far as it is in line
	fill       int                         // octets that padding brings the newest frame to; 0 for none
	closed     bool
	mending    mending
	protection protection
	marks      ecnMarks                // which packets are ECN-capable
	marked     bool                    // the flow's next packet would be
	asleep     media.Instant           // until when run sleeps
	length     func(n int) (int, bool) // lengthInLine as a value, made once: making it per frame would allocate

	// The packet being sent, here so that nothing is allocated for it.
	header     rtp.Header
	extensions [maxExtensions]rtp.Extension
	number     [2]byte // transport-wide
	dependency [dependency.MaxSize]byte
	repeated   [2 + packetizer.MaxPayload]byte
	repeats    uint16 // sequence number of the next repeat
}

// packetHead is what a packet says beside its payload.
type packetHead struct {
	frame       int64 // counts up with each
	captured    media.Instant
	timestamp   uint32
	distance    int16 // how many frames back it refers to; 0 for a keyframe
	payloadType uint8
	marker      bool
	begins      bool // a frame, whose capture time it carries
	padding     bool
	wallClock   [8]byte
}

// kept is a packet of the video stream, in line or kept for a repeat.
type kept struct {
	packetHead
	sequence            uint16
	firstSent, lastSent media.Instant // 0 while in line
	asked               media.Instant // when the player asked for it first; 0 for never
	repeats             int
	size                int
	payload             [packetizer.MaxPayload]byte
}

// frameInLine is the newest frame, of which the last packet may have to wait.
type frameInLine struct {
	times media.StageTimes
	coded bool   // times are there
	end   uint16 // sequence number after its last packet
}

// numberedFrame is how a frame is known to the player and to us.
type numberedFrame struct {
	timestamp uint32
	number    int64 // 0 for none
}

// wire is what was negotiated for the video stream.
type wire struct {
	ssrc, repeatSSRC uint32                // repeatSSRC is 0 where the player takes no repeats of their own
	payloadTypes     map[media.Codec]uint8 // of those that the player accepts
	writer           webrtc.TrackLocalWriter
	extensions       []rtp.Extension // of every packet
	captureID        uint8           // of abs-capture-time, which a frame's first packet carries; 0 when not negotiated
	transportID      uint8           // of the transport-wide number; 0 when not negotiated
	dependencyID     uint8           // of the dependency descriptor; 0 when not negotiated
	repairSSRC       uint32          // of repair packets; 0 where the player takes none
	repairType       uint8           // their payload type
	ccfb             bool            // the player reports by RFC 8888
	unmarked         bool            // no packet is to say that it is ECN-capable
}

func newOutbound(ports *udpmux.Ports, rate rateControl, left func(media.StageTimes)) (*outbound, error) {
	a, err := alarm.New()
	if err != nil {
		return nil, fmt.Errorf("set a clock for sending: %w", err)
	}
	o := &outbound{alarm: a, rate: rate, left: left, repeats: uint16(rand.Uint32())}
	o.next = uint16(rand.Uint32())
	o.first, o.frame.end = o.next, o.next
	o.flow, o.length = ports.NewFlow(o.departed), o.lengthInLine
	return o, nil
}

// bind begins sending to what was negotiated.
func (o *outbound) bind(w *wire) error {
	for _, ssrc := range []uint32{w.ssrc, w.repeatSSRC, w.repairSSRC} {
		if ssrc == 0 {
			continue
		}
		if err := o.flow.Own(ssrc); err != nil {
			return err
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.wire, w.ccfb, w.unmarked = w, o.ccfb.Load(), o.unmarked
	o.rate.bind(w)
	return nil
}

// put adds a packet to the line; payload is copied.
func (o *outbound) put(head packetHead, payload []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return ErrClosed
	}
	if o.next-o.first >= keptPackets/2 { // a frame of half a megabyte: better a burst than what is kept overwritten
		if err := o.sendSome(keptPackets / 4); err != nil {
			return err
		}
	}
	slot := &o.kept[o.next%keptPackets]
	if *slot == nil {
		*slot = new(kept)
	}
	k := *slot
	k.packetHead, k.sequence, k.size = head, o.next, copy(k.payload[:], payload)
	k.firstSent, k.lastSent, k.asked, k.repeats = 0, 0, 0, 0
	o.schedule.add(k.size)
	o.next++
	if head.begins {
		o.frames[head.frame%frameHistory] = numberedFrame{head.timestamp, head.frame}
		o.octets = 0
		o.mending.begun(head)
		o.protection.begun(k.sequence)
	}
	o.octets += k.size + headerOctets
	if head.marker {
		o.rate.produced(int(float64(o.octets) / o.protection.share()))
	}
	return nil
}

// headerOctets is about what a packet has beside its payload: RTP's header and extensions, and SRTP's tag.
const headerOctets = 12 + 20 + 10

// grant says what the next frame may be, and sets the pace at which it will leave.
func (o *outbound) grant() Grant {
	g, figures := o.rate.grant(), o.rate.figures()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.protection.observe(figures)
	g.Octets = int(float64(g.Octets) * o.protection.share())
	o.schedule.setPace(g.pace, g.within)
	o.fill, o.marks = g.fill, g.marks
	g.Skip = g.Skip || o.undrained(figures)
	return g
}

// frameOf is the number of the frame with an RTP timestamp; false when it is not known any more.
func (o *outbound) frameOf(timestamp uint32) (int64, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, f := range o.frames {
		if f.timestamp == timestamp && f.number != 0 {
			return f.number, true
		}
	}
	return 0, false
}

// sendDue sends what may leave now, and has run send the rest in time. The error is the connection's.
func (o *outbound) sendDue() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return ErrClosed
	}
	now := media.Now()
	err := o.drain(now)
	if o.first != o.next || o.tailDue(now) < o.asleep {
		o.alarm.Wake() // run may sleep for good, as it does while nothing is in line
	}
	return err
}

// drain sends train after train as long as they are due. The caller holds mu.
func (o *outbound) drain(now media.Instant) error {
	for o.first != o.next {
		packets := o.schedule.due(now, o.length)
		if packets == 0 {
			return nil
		}
		ahead := o.ahead(packets)
		if ahead {
			packets = 1
		}
		err := o.sendSome(packets)
		if ahead {
			o.schedule.next = max(o.schedule.next, now.Add(ecnAlone))
		}
		if err != nil {
			o.first = o.next // nothing of it will arrive in time
			o.schedule.clear()
			return err
		}
	}
	return nil
}

// lengthInLine tells the schedule how long the packet is that comes n after the first in line; false is the line's end.
func (o *outbound) lengthInLine(n int) (int, bool) {
	sequence := o.first + uint16(n)
	if sequence == o.next {
		return 0, false
	}
	return o.kept[sequence%keptPackets].size, true
}

// sendSome sends so many packets from the front of the line as one train. The caller holds mu.
func (o *outbound) sendSome(packets int) error {
	o.flow.Begin()
	var err error
	for ; packets > 0 && o.first != o.next && err == nil; packets-- {
		k := o.kept[o.first%keptPackets]
		err = o.transmit(k, k.payload[:k.size])
		o.schedule.took(k.size)
		o.first++
	}
	if err == nil && o.first == o.next {
		if err = o.protect(); err == nil {
			err = o.pad()
		}
	}
	err = errors.Join(err, o.flow.End())
	now := media.Now()
	o.settle(now)
	o.tellLeft(now)
	return err
}

// settle tells the rate control of what has left. Packets that do not leave by the ports' UDP sockets left as they were written.
// The caller holds mu.
func (o *outbound) settle(now media.Instant) {
	o.sent.assume(now)
	for p := o.sent.settled(); p != nil; p = o.sent.settled() {
		o.rate.sent(p)
	}
}

// errNotBound reports a packet for a connection whose negotiation is not over.
var errNotBound = errors.New("the video track is not negotiated yet")

// departed is told by the flow when a packet has left. It is called from transmit or from the end of a train, so mu is held.
func (o *outbound) departed(d udpmux.Departure) { o.sent.departed(d.SSRC, d.Sequence, d.Size, d.At) }

// coded completes the newest frame: its times but Sent, which is when its last packet leaves or has left.
func (o *outbound) coded(times media.StageTimes) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.frame = frameInLine{times: times, coded: true, end: o.next}
	o.tellLeft(o.sent.newest())
}

// tellLeft reports the newest frame once it has left. The caller holds mu.
func (o *outbound) tellLeft(at media.Instant) {
	if !o.frame.coded || int16(o.first-o.frame.end) < 0 {
		return
	}
	o.frame.coded = false
	o.frame.times.Sent = max(at, o.frame.times.Encoded)
	o.left(o.frame.times)
}

// reportNow is RTCP's report on the video stream, nil before there is one.
func (o *outbound) reportNow() *rtcp.SenderReport {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.wire == nil {
		return nil
	}
	return o.report.make(o.wire.ssrc, time.Now(), RTPTimestamp(media.Now()))
}

// run sends what has to wait for its turn, until stop. It holds a thread, for the sake of its clock, which prepare, unless it is
// nil, makes ready.
func (o *outbound) run(prepare func()) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if prepare != nil {
		prepare()
	}
	for {
		wake, running := o.sendWaiting()
		if !running {
			return nil
		}
		if err := o.alarm.SleepUntil(wake); err != nil {
			return err
		}
	}
}

// sendWaiting sends what is due and returns when the next train is, and whether there may be one.
func (o *outbound) sendWaiting() (wake media.Instant, running bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return 0, false
	}
	// Where sending fails the line is empty afterwards, and whoever writes next is told.
	now := media.Now()
	o.asleep = alarm.Never
	if err := o.drain(now); err != nil {
		return alarm.Never, true
	}
	if o.asleep = o.schedule.next; o.first == o.next {
		o.asleep = o.probeTail(now)
	}
	return o.asleep, true
}

// stop makes run return, and nothing leave any more.
func (o *outbound) stop() {
	o.mu.Lock()
	o.closed, o.wire = true, nil
	o.mu.Unlock()
	o.flow.Close()
	o.alarm.Wake()
}

// close gives back what a stopped outbound has, once run has returned.
func (o *outbound) close() error { return o.alarm.Close() }
