package streamer

import (
	"github.com/pion/rtcp"

	"nearlight/streamer/ccfb"
	"nearlight/streamer/congestion"
)

// ccfbReports takes a player's reports by RFC 8888, which name packets as RTP does. A nil one takes none.
type ccfbReports struct {
	reader  ccfb.Reader
	packets []ccfb.Packet
	any     bool
	path    ecnPath
	unmark  bool // no packet is to be marked
}

// sent tells of a packet that left.
func (c *ccfbReports) sent(p *sentPacket) {
	if c == nil {
		return
	}
	c.reader.Sent(p.ssrc, p.sequence, p.number)
	if p.ect {
		c.path.sent(p.number)
	}
}

// marks says which packets of the next frame are marked as ECN-capable.
func (c *ccfbReports) marks(state congestion.State) ecnMarks {
	if c == nil || c.unmark {
		return ecnNone
	}
	return c.path.marks(state == congestion.Starved)
}

// restart tells of another path.
func (c *ccfbReports) restart() {
	if c != nil {
		c.path.enter(ecnTesting)
	}
}

// heard reports whether any has come: a player that sends both kinds is taken at these.
func (c *ccfbReports) heard() bool { return c != nil && c.any }

// read makes the controller's reports of one of the player's.
func (c *ccfbReports) read(report *rtcp.CCFeedbackReport, to []congestion.Report) []congestion.Report {
	if c == nil {
		return to
	}
	c.packets = c.reader.Read(report, c.packets[:0])
	c.any = c.any || len(c.packets) > 0
	for _, p := range c.packets {
		c.path.reported(p)
		to = append(to, congestion.Report{Sequence: p.Number, Arrived: p.Arrived, CE: p.ECN == rtcp.ECNCE, Arrival: p.Arrival})
	}
	return to
}
