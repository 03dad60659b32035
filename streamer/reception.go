package streamer

import (
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"nearlight/internal/media"
)

// reception counts what came of a stream as RTCP's receiver reports tell it (RFC 3550 section 6.4.1 and appendix A). Sequence numbers
// that jump, and another SSRC, begin a new count.
type reception struct {
	ssrc     uint32
	began    bool
	first    int64 // sequence number, carried on beyond 16 bits
	highest  int64
	received int64
	transit  uint32 // arrival less timestamp, of the newest packet, in ticks
	jitter   float64

	expectedBefore, receivedBefore int64 // at the last report

	echo   uint32 // the middle of the newest sender report's NTP time; 0 before there is one
	echoAt media.Instant
}

// longestJump is how far a sequence number may be from the one before it (RFC 3550 appendix A.1, MAX_DROPOUT).
const longestJump = 3000

func (r *reception) add(header *rtp.Header, now media.Instant) {
	transit := AudioTimestamp(now) - header.Timestamp
	step := int16(header.SequenceNumber - uint16(r.highest))
	if !r.began || header.SSRC != r.ssrc || step > longestJump || step < -longestJump {
		*r = reception{
			ssrc: header.SSRC, began: true, first: int64(header.SequenceNumber), highest: int64(header.SequenceNumber), received: 1, transit: transit,
		}
		return
	}
	r.received++
	r.highest = max(r.highest, r.highest+int64(step))
	difference := float64(int32(transit - r.transit))
	r.transit = transit
	r.jitter += (max(difference, -difference) - r.jitter) / 16
}

// reported takes note of the sender's own report.
func (r *reception) reported(report *rtcp.SenderReport, now media.Instant) {
	if r.began && report.SSRC == r.ssrc {
		r.echo, r.echoAt = uint32(report.NTPTime>>16), now
	}
}

// report is nil before anything came, and while nothing has since the last one.
func (r *reception) report(now media.Instant) *rtcp.ReceiverReport {
	if !r.began || r.received == r.receivedBefore {
		return nil
	}
	expected := r.highest - r.first + 1
	lost := max(expected-r.received, 0)
	interval := expected - r.expectedBefore
	lostLately := max(interval-(r.received-r.receivedBefore), 0)
	r.expectedBefore, r.receivedBefore = expected, r.received
	share := int64(0)
	if interval > 0 {
		share = min(lostLately<<8/interval, 255)
	}
	about := rtcp.ReceptionReport{
		SSRC: r.ssrc, FractionLost: uint8(share), TotalLost: uint32(min(lost, 1<<23-1)), LastSequenceNumber: uint32(r.highest), Jitter: uint32(r.jitter),
	}
	if r.echo != 0 {
		const second = 1 << 16
		about.LastSenderReport, about.Delay = r.echo, uint32(now.Sub(r.echoAt).Seconds()*second)
	}
	const nobody = 1 // who reports sends nothing under this number (RFC 3550 section 6.4.2)
	return &rtcp.ReceiverReport{SSRC: nobody, Reports: []rtcp.ReceptionReport{about}}
}
