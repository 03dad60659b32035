package streamer

import (
	"time"

	"github.com/pion/rtcp"
)

// senderReport counts what RTCP's sender reports tell (RFC 3550 section 6.4.1), and measures the round trip by their echoes.
type senderReport struct {
	packets, octets uint32
}

func (r *senderReport) count(payload int) {
	r.packets++
	r.octets += uint32(payload)
}

// make reports on a stream as of now, which is timestamp on the stream's clock.
func (r *senderReport) make(ssrc uint32, now time.Time, timestamp uint32) *rtcp.SenderReport {
	return &rtcp.SenderReport{
		SSRC: ssrc, NTPTime: ntpTime(now), RTPTime: timestamp, PacketCount: r.packets, OctetCount: r.octets,
	}
}

// roundTripOf is the time from our report to the player's echo of it, less the time that the player kept it; false when there is
// none (RFC 3550 section 6.4.1, LSR and DLSR: the middle 32 bits of NTP timestamps, and units of 1/65536 s).
func roundTripOf(echo rtcp.ReceptionReport, now time.Time) (time.Duration, bool) {
	if echo.LastSenderReport == 0 {
		return 0, false
	}
	units := int32(uint32(ntpTime(now)>>16) - echo.LastSenderReport - echo.Delay)
	const second = 1 << 16
	if units < 0 || units > 60*second { // clocks were set, or the player makes it up
		return 0, false
	}
	return time.Duration(units) * time.Second / second, true
}
