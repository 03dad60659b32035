package ccfb

import (
	"cmp"
	"slices"
	"time"

	"github.com/pion/rtcp"
)

const (
	// remembered is how many packets of a stream can be reported on: about a second at 20 Mbit/s. A power of two.
	remembered = 2048
	// farthest bounds what hostile reports can add up to, in 1/65536 s: eight years.
	farthest = 1 << 44
)

// Packet is what a report says of one packet.
type Packet struct {
	Number  int64 // that Sent gave it
	Arrived bool
	ECN     rtcp.ECN      // of one that arrived
	Arrival time.Duration // on the receiver's clock, whose zero and pace are unknown, in steps of a millisecond
}

// Reader knows the packets that were sent, and what reports say of them. Its zero value is ready.
type Reader struct {
	streams []*sent
	stamp   int64 // of the newest report, unwrapped
	begun   bool
}

type sent struct {
	ssrc    uint32
	packets [remembered]number
}

// number is how a packet is known here; count is 0 for none, so that numbers are one less.
type number struct {
	count    int64
	sequence uint16
}

// Sent tells of a packet, whose number is at least 0. Beyond a number of streams further ones cannot be reported on.
func (r *Reader) Sent(ssrc uint32, sequence uint16, n int64) {
	s := r.stream(ssrc)
	if s == nil {
		if len(r.streams) == maxStreams {
			return
		}
		s = &sent{ssrc: ssrc}
		r.streams = append(r.streams, s)
	}
	s.packets[sequence%remembered] = number{n + 1, sequence}
}

func (r *Reader) stream(ssrc uint32) *sent {
	for _, s := range r.streams {
		if s.ssrc == ssrc {
			return s
		}
	}
	return nil
}

// Read appends what a report says of packets that were sent, in the order of their numbers. What came at an unknown time is left out, as is
// what was never sent, or too long ago. Reports may overlap, and come in any order.
func (r *Reader) Read(report *rtcp.CCFeedbackReport, to []Packet) []Packet {
	first := len(to)
	at := r.time(report.ReportTimestamp)
	for i := range report.ReportBlocks {
		block := &report.ReportBlocks[i]
		s := r.stream(block.MediaSSRC)
		if s == nil {
			continue
		}
		for j, metric := range block.MetricBlocks {
			sequence := block.BeginSequence + uint16(j)
			n := s.packets[sequence%remembered]
			if n.count == 0 || n.sequence != sequence || metric.Received && metric.ArrivalTimeOffset >= offsetLong {
				continue
			}
			p := Packet{Number: n.count - 1, Arrived: metric.Received}
			if p.Arrived {
				p.ECN, p.Arrival = metric.ECN, at-time.Duration(metric.ArrivalTimeOffset)*time.Second/1024
			}
			to = append(to, p)
		}
	}
	slices.SortFunc(to[first:], func(a, b Packet) int { return cmp.Compare(a.Number, b.Number) })
	return to
}

// time is a report's own time, as the nearest one to the newest report's.
func (r *Reader) time(stamp uint32) time.Duration {
	at := int64(stamp)
	if r.begun {
		at = r.stamp + int64(int32(stamp-uint32(r.stamp)))
	}
	if at > farthest || at < -farthest {
		at, r.begun = int64(stamp), false
	}
	if !r.begun || at > r.stamp {
		r.begun, r.stamp = true, at
	}
	return timeOf(at)
}
