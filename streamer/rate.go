package streamer

import (
	"fmt"
	"sync"
	"time"

	"github.com/pion/rtcp"

	"nearlight/internal/media"
	"nearlight/streamer/congestion"
	"nearlight/streamer/packetizer"
)

// Controller names what decides on the rate.
type Controller string

// The controllers.
const (
	Nearlight Controller = "nearlight" // streamer/congestion
	GCC       Controller = "gcc"       // pion's Google Congestion Control, to compare with
)

// rateControl decides how fast to send, from what leaves and what the player reports on it. It is safe for concurrent use.
type rateControl interface {
	// bind tells what was negotiated, before anything else.
	bind(*wire)
	// sent tells of a packet that left, in the order of sending.
	sent(*sentPacket)
	// produced tells how many octets a frame has.
	produced(octets int)
	// grant says what the next frame may be. It is asked once for each frame that could be made.
	grant() Grant
	// reported takes a report on packets, of whatever kind.
	reported(rtcp.Packet) error
	// acknowledged takes the player's word that a frame is whole, by its clock.
	acknowledged(frame int64, received time.Duration)
	setFrameRate(framesPerSecond int)
	target() media.Bitrate
	figures() congestion.Figures
	// restart forgets what was learned: packets take another way now.
	restart()
	close() error
}

// Grant is what the next frame may be.
type Grant struct {
	Octets int  // that it should take at most, headers left out; 0 for no bound but the rate's
	Skip   bool // the link is so far behind that the frame should not be made
	Room   bool // the link carries all that is asked for, and nothing waits on it: a larger frame is no harm

	pace   media.Bitrate // how fast its packets leave; 0 for at once
	within time.Duration // in which they leave at any pace
	fill   int           // octets that padding should bring it to; 0 for none
	marks  ecnMarks      // which of its packets are ECN-capable
}

// newRateControl makes the one that is named. It begins with start, which 0 leaves to it, and never goes above most.
func newRateControl(controller Controller, start, most media.Bitrate, loggers pionLoggers) (rateControl, error) {
	switch controller {
	case Nearlight, "":
		return newProbingRate(start, most), nil
	case GCC:
		return newGoogRate(start, most, loggers)
	}
	return nil, fmt.Errorf("there is no congestion controller %q: take %s or %s", controller, Nearlight, GCC)
}

// probingRate drives streamer/congestion, in which each frame probes the link.
type probingRate struct {
	config congestion.Config

	mu         sync.Mutex
	controller *congestion.Controller
	interval   time.Duration // from one frame to the next at the least; 0 until told
	numbers    congestion.Unwrapper
	reports    []congestion.Report
	ccfb       *ccfbReports // nil where the player does not send RFC 8888's
}

var _ rateControl = (*probingRate)(nil)

func newProbingRate(start, most media.Bitrate) *probingRate {
	config := congestion.Config{Start: congestion.Bitrate(start), Ceiling: congestion.Bitrate(most)}
	return &probingRate{config: config, controller: congestion.New(instant(media.Now()), config)}
}

func (r *probingRate) restart() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.controller = congestion.New(instant(media.Now()), r.config)
	r.controller.SetFrameInterval(r.interval)
	r.ccfb.restart()
}

func instant(at media.Instant) congestion.Instant { return congestion.Instant(at) }

func (r *probingRate) bind(w *wire) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w.ccfb && r.ccfb == nil {
		r.ccfb = &ccfbReports{unmark: w.unmarked}
	}
}

func (r *probingRate) sent(p *sentPacket) {
	kind := congestion.Media
	switch {
	case p.audio:
		kind = congestion.Audio
	case p.repair:
		kind = congestion.Repair
	case p.padding:
		kind = congestion.Padding
	case p.repeat:
		kind = congestion.Retransmission
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.numbers.Extend(uint16(p.number))
	r.ccfb.sent(p)
	r.controller.PacketSent(congestion.SentPacket{Sequence: p.number, Frame: p.frame, Size: p.size, Sent: instant(p.at), Kind: kind})
}

func (r *probingRate) produced(octets int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.controller.FrameProduced(instant(media.Now()), octets)
}

func (r *probingRate) grant() Grant {
	r.mu.Lock()
	defer r.mu.Unlock()
	g := r.controller.Next(instant(media.Now()))
	pace, room := media.Bitrate(g.Pacing), r.roomy()
	if room {
		pace = 0
	}
	octets := g.Budget * packetizer.MaxPayload / (packetizer.MaxPayload + headerOctets)
	marks := r.ccfb.marks(r.controller.Figures(instant(media.Now())).State)
	return Grant{Octets: octets, Skip: g.Skip, Room: room, pace: pace, within: g.Spread, fill: g.Fill, marks: marks}
}

// roomy reports whether the link carries all that is asked for, and nothing waits on it: then a frame that leaves at once comes
// sooner, and overflows no queue that a frame of that size would not overflow anyhow. The caller holds mu.
func (r *probingRate) roomy() bool {
	if r.controller.Target() < r.config.Ceiling {
		return false
	}
	switch r.controller.Figures(instant(media.Now())).State {
	case congestion.Starting, congestion.Steady, congestion.Probing:
		return true
	}
	return false
}

func (r *probingRate) acknowledged(frame int64, received time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.controller.Acknowledged(instant(media.Now()), congestion.Ack{Frame: frame, Received: received})
}

func (r *probingRate) setFrameRate(framesPerSecond int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.interval = time.Second / time.Duration(max(framesPerSecond, 1))
	r.controller.SetFrameInterval(r.interval)
}

func (r *probingRate) target() media.Bitrate {
	r.mu.Lock()
	defer r.mu.Unlock()
	return media.Bitrate(r.controller.Target())
}

func (r *probingRate) figures() congestion.Figures {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.controller.Figures(instant(media.Now()))
}

func (*probingRate) close() error { return nil }

// reported takes transport-wide feedback or, where the player sends them, RFC 8888's reports in its place.
func (r *probingRate) reported(p rtcp.Packet) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var err error
	r.reports = r.reports[:0]
	switch report := p.(type) {
	case *rtcp.TransportLayerCC:
		if !r.ccfb.heard() { // else its times are on another clock
			r.reports, err = r.read(report, r.reports)
		}
	case *rtcp.CCFeedbackReport:
		r.reports = r.ccfb.read(report, r.reports)
	}
	if len(r.reports) > 0 {
		r.controller.Reported(instant(media.Now()), r.reports)
	}
	return err
}

// read makes reports of transport-wide feedback. Its times count from a moment of the player's, in 64 ms and from packet to
// packet in microseconds (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1).
func (r *probingRate) read(report *rtcp.TransportLayerCC, reports []congestion.Report) ([]congestion.Report, error) {
	const referenceUnit = 64 * time.Millisecond
	arrival := time.Duration(report.ReferenceTime) * referenceUnit
	deltas := report.RecvDeltas
	number, left := report.BaseSequenceNumber, int(report.PacketStatusCount)
	err := eachStatus(report.PacketChunks, func(status uint16) error {
		if left == 0 {
			return nil // what fills the last chunk up
		}
		left--
		one := congestion.Report{Sequence: r.numbers.Extend(number)}
		number++
		switch status {
		case rtcp.TypeTCCPacketReceivedSmallDelta, rtcp.TypeTCCPacketReceivedLargeDelta:
			if len(deltas) == 0 {
				return fmt.Errorf("transport-wide feedback tells of more packets than times")
			}
			arrival += time.Duration(deltas[0].Delta) * time.Microsecond
			deltas = deltas[1:]
			one.Arrived, one.Arrival = true, arrival
		case rtcp.TypeTCCPacketReceivedWithoutDelta:
			return nil // it came, but nobody knows when
		}
		reports = append(reports, one)
		return nil
	})
	return reports, err
}

// eachStatus calls do for each packet's status, in order.
func eachStatus(chunks []rtcp.PacketStatusChunk, do func(uint16) error) error {
	for _, chunk := range chunks {
		switch chunk := chunk.(type) {
		case *rtcp.RunLengthChunk:
			for range chunk.RunLength {
				if err := do(chunk.PacketStatusSymbol); err != nil {
					return err
				}
			}
		case *rtcp.StatusVectorChunk:
			for _, status := range chunk.SymbolList {
				if err := do(status); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
