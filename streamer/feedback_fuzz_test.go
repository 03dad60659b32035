package streamer

import (
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/transport/v4/packetio"

	"nearlight/internal/media"
)

// Whatever a player sends as RTCP, the rate stays between its bounds, nothing is sent that was not asked for, and nothing hangs.
func FuzzFeedback(f *testing.F) {
	for _, p := range []rtcp.Packet{
		&rtcp.TransportLayerCC{
			Header:    rtcp.Header{Count: rtcp.FormatTCC, Type: rtcp.TypeTransportSpecificFeedback, Length: 6},
			MediaSSRC: 7, PacketStatusCount: 9, ReferenceTime: 3,
			PacketChunks: []rtcp.PacketStatusChunk{
				&rtcp.RunLengthChunk{PacketStatusSymbol: rtcp.TypeTCCPacketReceivedSmallDelta, RunLength: 2},
				&rtcp.StatusVectorChunk{SymbolSize: rtcp.TypeTCCSymbolSizeTwoBit, SymbolList: []uint16{0, 1, 2, 0, 1, 0, 0}},
			},
			RecvDeltas: []*rtcp.RecvDelta{{Type: 1, Delta: 250}, {Type: 1, Delta: 500}, {Type: 1, Delta: 0}, {Type: 2, Delta: -5000}, {Type: 1, Delta: 250}},
		},
		&rtcp.TransportLayerNack{MediaSSRC: 7, Nacks: []rtcp.NackPair{{PacketID: 3, LostPackets: 0xffff}}},
		&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: 7, LastSenderReport: 77, Delay: 3}}},
		&rtcp.PictureLossIndication{MediaSSRC: 7},
		&rtcp.CCFeedbackReport{ReportTimestamp: 1 << 31, ReportBlocks: []rtcp.CCFeedbackReportBlock{{MediaSSRC: 7, BeginSequence: 1, MetricBlocks: []rtcp.CCFeedbackMetricBlock{
			{Received: true, ECN: rtcp.ECNCE, ArrivalTimeOffset: 9}, {}, {Received: true, ArrivalTimeOffset: 0x1fff},
		}}}},
	} {
		data, err := p.Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		const most = 8 * media.Mbps
		sent := &sentPackets{}
		track := boundTrack(t, sent)
		rate := newProbingRate(0, most)
		track.outbound.rate, rate.ccfb = rate, new(ccfbReports)
		for frame := range 3 {
			if err := track.writeSlice(annexBSlice(5000, true), media.Instant(frame)*media.Instant(16*time.Millisecond)); err != nil {
				t.Fatal(err)
			}
		}
		before := sent.bytes
		p := &Peer{outbound: track.outbound, rate: rate, receiver: nobody{}, logger: quiet}
		tap := buffers(p.feedback, p.incoming)(packetio.RTCPBufferPacket, 7)
		for range 3 {
			if n, err := tap.Write(data); n != len(data) || err != nil {
				t.Fatalf("took %d of %d octets: %v", n, len(data), err)
			}
			if now := rate.target(); now <= 0 || now > most {
				t.Fatalf("the rate is %v", now)
			}
			rate.grant()
		}
		if again := sent.bytes - before; again > 5*before {
			t.Fatalf("%d octets were sent again of %d", again, before)
		}
	})
}
