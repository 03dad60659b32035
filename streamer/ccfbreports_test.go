package streamer

import (
	"testing"
	"time"

	"github.com/pion/rtcp"

	"nearlight/internal/media"
	"nearlight/streamer/congestion"
)

// What the two forms of feedback say of the same packets is the same to the controller, but for the grain of their clocks.
func TestBothFormsOfFeedbackComeToTheSameReports(t *testing.T) {
	rate := newProbingRate(0, 8*media.Mbps)
	rate.bind(&wire{ccfb: true})
	for i := range 6 { // numbered across streams: the picture's from 65534 on, and one of sound
		p := &sentPacket{number: int64(i), ssrc: 7, sequence: uint16(65534 + i), size: 1200, at: media.Now()}
		if i == 5 {
			p.ssrc, p.sequence, p.audio = 9, 3, true
		}
		rate.sent(p)
	}
	arrivals := map[int64]time.Duration{0: 0, 1: 4 * time.Millisecond, 3: 10 * time.Millisecond, 5: 12 * time.Millisecond}
	wide, err := rate.read(&rtcp.TransportLayerCC{
		PacketStatusCount: 6, ReferenceTime: 9,
		PacketChunks: []rtcp.PacketStatusChunk{&rtcp.StatusVectorChunk{SymbolSize: rtcp.TypeTCCSymbolSizeOneBit, SymbolList: []uint16{1, 1, 0, 1, 0, 1, 0}}},
		RecvDeltas:   []*rtcp.RecvDelta{{Delta: 0}, {Delta: 4000}, {Delta: 6000}, {Delta: 2000}},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	offset := func(number int64) uint16 {
		return uint16((100*time.Millisecond - arrivals[number]) * 1024 / time.Second)
	}
	metric := func(number int64) rtcp.CCFeedbackMetricBlock {
		_, came := arrivals[number]
		return rtcp.CCFeedbackMetricBlock{Received: came, ArrivalTimeOffset: offset(number), ECN: rtcp.ECNECT1}
	}
	marked := metric(3)
	marked.ECN = rtcp.ECNCE
	narrow := rate.ccfb.read(&rtcp.CCFeedbackReport{ReportTimestamp: 77 << 16, ReportBlocks: []rtcp.CCFeedbackReportBlock{
		{MediaSSRC: 9, BeginSequence: 3, MetricBlocks: []rtcp.CCFeedbackMetricBlock{metric(5)}},
		{MediaSSRC: 7, BeginSequence: 65534, MetricBlocks: []rtcp.CCFeedbackMetricBlock{metric(0), metric(1), metric(2), marked, metric(4)}},
		{MediaSSRC: 12345, BeginSequence: 1, MetricBlocks: []rtcp.CCFeedbackMetricBlock{metric(0)}},
	}}, nil)
	if len(wide) != 6 || len(narrow) != 6 {
		t.Fatalf("%d and %d packets are told of, want 6", len(wide), len(narrow))
	}
	for i := range wide {
		a, b := wide[i], narrow[i]
		if a.Sequence != b.Sequence || a.Arrived != b.Arrived || b.CE != (b.Sequence == 3) {
			t.Errorf("%+v and %+v", a, b)
		}
		if apart := (b.Arrival - narrow[0].Arrival) - (a.Arrival - wide[0].Arrival); a.Arrived && apart.Abs() > time.Millisecond {
			t.Errorf("packet %d is %v apart", a.Sequence, apart)
		}
	}
}

func TestOfAPlayerThatSendsBothFormsOneIsTaken(t *testing.T) {
	rate := newProbingRate(0, 8*media.Mbps)
	rate.bind(&wire{ccfb: true})
	for i := range 2 {
		rate.sent(&sentPacket{number: int64(i), ssrc: 7, sequence: uint16(i), frame: 1, size: 1200, at: media.Now()})
	}
	report := func(p rtcp.Packet) (jumps int) {
		if err := rate.reported(p); err != nil {
			t.Fatal(err)
		}
		return rate.figures().Jumps
	}
	first := &rtcp.CCFeedbackReport{ReportTimestamp: 1 << 16, ReportBlocks: []rtcp.CCFeedbackReportBlock{
		{MediaSSRC: 7, MetricBlocks: []rtcp.CCFeedbackMetricBlock{{Received: true}}},
	}}
	other := &rtcp.TransportLayerCC{
		BaseSequenceNumber: 1, PacketStatusCount: 1, ReferenceTime: 1 << 20,
		PacketChunks: []rtcp.PacketStatusChunk{&rtcp.RunLengthChunk{PacketStatusSymbol: 1, RunLength: 1}}, RecvDeltas: []*rtcp.RecvDelta{{}},
	}
	if jumps := report(first) + report(other); jumps != 0 {
		t.Errorf("the clock jumped %d times", jumps)
	}
}

func TestWithoutTheAgreementReportsByRFC8888AreNotTaken(t *testing.T) {
	rate := newProbingRate(0, 8*media.Mbps)
	rate.bind(&wire{})
	rate.sent(&sentPacket{ssrc: 7, size: 1200, at: media.Now()})
	if err := rate.reported(&rtcp.CCFeedbackReport{ReportBlocks: []rtcp.CCFeedbackReportBlock{{MediaSSRC: 7, MetricBlocks: make([]rtcp.CCFeedbackMetricBlock, 9)}}}); err != nil {
		t.Fatal(err)
	}
	if f := rate.figures(); f.State != congestion.Starting || f.Loss != 0 {
		t.Errorf("%+v", f)
	}
}
