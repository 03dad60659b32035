package ccfb

import (
	"time"

	"github.com/pion/rtcp"
)

const (
	// recorded is how many packets of a stream are remembered. A power of two.
	recorded = 1024
	// reportable bounds what a report says of one stream, the newest packets: with the bound of streams 1.1 kB in all where one is busy.
	reportable = 256
)

// Recorder remembers what came, until it was reported twice: what is in a report that is lost is in the next one. Its zero value is
// ready.
type Recorder struct {
	streams []*received
	news    bool
	blocks  [maxStreams]rtcp.CCFeedbackReportBlock // of report, kept for their memory
	report  rtcp.CCFeedbackReport
}

// received is one stream.
type received struct {
	ssrc     uint32
	next     uint16 // after the newest
	fresh    uint16 // the first that no report has told of
	previous uint16 // what fresh was before the last report
	packets  [recorded]packet
}

type packet struct {
	came bool
	ecn  rtcp.ECN
	at   time.Duration
}

// Arrived tells of a packet that came at an instant of a clock that only goes forward, NTP's ideally, since 1900. Of one that came twice
// the first instant counts, and a congestion mark of either (section 3.1). Beyond a number of streams further ones are not reported.
func (r *Recorder) Arrived(ssrc uint32, sequence uint16, ecn rtcp.ECN, at time.Duration) {
	s := r.stream(ssrc, sequence)
	if s == nil {
		return
	}
	switch ahead := int16(sequence - s.next); {
	case ahead >= recorded: // nobody can say what became of all these
		s.packets = [recorded]packet{}
		s.fresh, s.previous, s.next = sequence, sequence, sequence+1
	case ahead >= 0:
		for ; s.next != sequence+1; s.next++ {
			s.packets[s.next%recorded] = packet{}
		}
	case ahead < -recorded:
		return
	case int16(sequence-s.fresh) < 0:
		s.fresh = sequence
	}
	r.news = true
	p := &s.packets[sequence%recorded]
	if !p.came {
		*p = packet{true, ecn, at}
	} else if ecn == rtcp.ECNCE {
		p.ecn = ecn
	}
}

func (r *Recorder) stream(ssrc uint32, sequence uint16) *received {
	for _, s := range r.streams {
		if s.ssrc == ssrc {
			return s
		}
	}
	if len(r.streams) == maxStreams {
		return nil
	}
	s := &received{ssrc: ssrc, next: sequence, fresh: sequence, previous: sequence}
	r.streams = append(r.streams, s)
	return s
}

// Report tells of what came since the report before the last, nil when there is nothing new. It is valid until the next call.
func (r *Recorder) Report(now time.Duration) *rtcp.CCFeedbackReport {
	if !r.news {
		return nil
	}
	r.news = false
	stamp := stampOf(now)
	count := 0
	for _, s := range r.streams {
		if s.fresh == s.next {
			continue
		}
		from := s.fresh
		if int16(s.previous-from) < 0 {
			from = s.previous
		}
		if s.next-from > reportable {
			from = s.next - reportable
		}
		s.previous, s.fresh = s.fresh, s.next
		b := &r.blocks[count]
		count++
		b.MediaSSRC, b.BeginSequence, b.MetricBlocks = s.ssrc, from, b.MetricBlocks[:0]
		for sequence := from; sequence != s.next; sequence++ {
			b.MetricBlocks = append(b.MetricBlocks, s.packets[sequence%recorded].metric(stamp))
		}
	}
	r.report.ReportBlocks, r.report.ReportTimestamp = r.blocks[:count], uint32(stamp)
	return &r.report
}

func (p *packet) metric(stamp int64) rtcp.CCFeedbackMetricBlock {
	if !p.came {
		return rtcp.CCFeedbackMetricBlock{}
	}
	const shift = stampShift - 10 // from 1/65536 to 1/1024 s
	offset := uint16(offsetUnknown)
	if before := (stamp - stampOf(p.at)) >> shift; before >= offsetLong {
		offset = offsetLong
	} else if before >= 0 {
		offset = uint16(before)
	}
	return rtcp.CCFeedbackMetricBlock{Received: true, ECN: p.ecn, ArrivalTimeOffset: offset}
}
