package streamer

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"nearlight/internal/media"
)

func TestReportsOnTheMicrophoneTellWhatWasLost(t *testing.T) {
	var r reception
	now := media.Instant(time.Hour)
	if r.report(now) != nil {
		t.Error("nothing is reported on")
	}
	for n := range 100 {
		now = now.Add(10 * time.Millisecond)
		if n%10 == 9 && n >= 50 {
			continue // lost
		}
		sequence := uint16(65500 + n) // it begins anew on the way
		r.add(&rtp.Header{SSRC: 7, SequenceNumber: sequence, Timestamp: uint32(480 * n)}, now)
		if n == 49 {
			if about := r.report(now).Reports[0]; about.FractionLost != 0 || about.TotalLost != 0 || about.Jitter > 1 {
				t.Errorf("while nothing was lost: %+v", about)
			}
		}
	}
	// The last one is not known to be lost: nothing came after it.
	about := r.report(now).Reports[0]
	if about.SSRC != 7 || about.TotalLost != 4 || about.FractionLost != 4*256/49 || about.LastSequenceNumber != 65500+98 {
		t.Errorf("%+v", about)
	}
	if r.report(now) != nil {
		t.Error("nothing came since, and it is reported on")
	}
}

func TestTheTimeOfTheSendersReportIsEchoed(t *testing.T) {
	var r reception
	now := media.Instant(time.Hour)
	r.add(&rtp.Header{SSRC: 7}, now)
	r.reported(&rtcp.SenderReport{SSRC: 8, NTPTime: 1 << 40}, now) // another's
	if about := r.report(now).Reports[0]; about.LastSenderReport != 0 || about.Delay != 0 {
		t.Errorf("of a report that never came: %+v", about)
	}
	r.reported(&rtcp.SenderReport{SSRC: 7, NTPTime: 0x1234_5678_9abc_def0}, now)
	r.add(&rtp.Header{SSRC: 7, SequenceNumber: 1}, now)
	if about := r.report(now.Add(500 * time.Millisecond)).Reports[0]; about.LastSenderReport != 0x5678_9abc || about.Delay != 1<<15 {
		t.Errorf("%+v", about)
	}
}

func TestAnotherStreamOfTheMicrophoneIsCountedAnew(t *testing.T) {
	for name, next := range map[string]rtp.Header{
		"another SSRC": {SSRC: 8, SequenceNumber: 1}, "numbers that jump": {SSRC: 7, SequenceNumber: 20000},
	} {
		var r reception
		r.add(&rtp.Header{SSRC: 7}, 0)
		r.add(&next, 0)
		if about := r.report(0).Reports[0]; about.SSRC != next.SSRC || about.TotalLost != 0 || about.LastSequenceNumber != uint32(next.SequenceNumber) {
			t.Errorf("%s: %+v", name, about)
		}
	}
}

// FuzzMicrophone feeds what a player may send in place of its microphone, in pieces of up to 255 octets.
func FuzzMicrophone(f *testing.F) {
	f.Add([]byte{14, 0x80, microphonePayloadType, 0, 1, 0, 0, 1, 0, 0, 0, 0, 7, 1, 2})
	f.Fuzz(func(t *testing.T, stream []byte) {
		m := &microphone{take: func(p MicrophonePacket) {
			if len(p.Payload) == 0 {
				t.Error("an empty packet was taken")
			}
		}}
		now := media.Instant(0)
		for len(stream) > 0 {
			n := min(int(stream[0]), len(stream)-1)
			packet := stream[1 : 1+n]
			stream = stream[1+n:]
			now = now.Add(time.Millisecond)
			_ = m.rtp(packet, now) // what it says of a packet that it drops is for the log
			if report := m.reportNow(now); report != nil {
				if _, err := report.Marshal(); err != nil {
					t.Fatal(err)
				}
			}
		}
		var nobody *microphone
		if nobody.rtp([]byte{0x80}, now) == nil {
			t.Error("a packet that was not offered is taken")
		}
	})
}

func BenchmarkMicrophonePacket(b *testing.B) {
	m := &microphone{take: func(MicrophonePacket) {}}
	data, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: microphonePayloadType, SSRC: 7}, Payload: make([]byte, 60)}).Marshal()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := m.rtp(data, 0); err != nil {
			b.Fatal(err)
		}
	}
}
