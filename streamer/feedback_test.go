package streamer

import (
	"io"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/transport/v4/packetio"
)

func TestReportsAboutAnyStreamAreTakenOnceEach(t *testing.T) {
	var taken []rtcp.Packet
	open := buffers(func(p rtcp.Packet) { taken = append(taken, p) }, func([]byte) {})
	video, repeats := open(packetio.RTCPBufferPacket, 7), open(packetio.RTCPBufferPacket, 8)
	report := &rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: 7}, {SSRC: 8}}}
	about := &rtcp.TransportLayerCC{
		Header:    rtcp.Header{Count: rtcp.FormatTCC, Type: rtcp.TypeTransportSpecificFeedback, Length: 5},
		MediaSSRC: 8, PacketStatusCount: 1,
		PacketChunks: []rtcp.PacketStatusChunk{&rtcp.RunLengthChunk{PacketStatusSymbol: rtcp.TypeTCCPacketReceivedSmallDelta, RunLength: 1}},
		RecvDeltas:   []*rtcp.RecvDelta{{Type: rtcp.TypeTCCPacketReceivedSmallDelta, Delta: 250}},
	}
	for _, p := range []rtcp.Packet{report, about} {
		data, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		for _, ssrc := range p.DestinationSSRC() { // as pion sorts it
			if _, err := map[uint32]io.Writer{7: video, 8: repeats}[ssrc].Write(data); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(taken) != 2 {
		t.Errorf("%d packets were taken of 2", len(taken))
	}
	if n, err := video.Write([]byte{1, 2, 3}); n != 3 || err != nil || len(taken) != 2 {
		t.Errorf("rubbish: %d, %v", n, err)
	}
	ended := reading(video)
	for range 2 {
		if err := video.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := <-ended; err != io.EOF {
		t.Errorf("a reader is told %v", err)
	}
}

// reading reads until the end.
func reading(r io.Reader) <-chan error {
	ended := make(chan error, 1)
	go func() {
		_, err := r.Read(make([]byte, 10))
		ended <- err
	}()
	return ended
}

func TestTheRoundTripIsReadFromTheEchoOfAReport(t *testing.T) {
	var r senderReport
	sent := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	report := r.make(7, sent, 0)
	echo := rtcp.ReceptionReport{LastSenderReport: uint32(report.NTPTime >> 16), Delay: 65536 / 4}
	for _, row := range []struct {
		echo   rtcp.ReceptionReport
		after  time.Duration
		want   time.Duration
		ok     bool
		reason string
	}{
		{echo, 290 * time.Millisecond, 40 * time.Millisecond, true, "kept for a quarter of a second"},
		{echo, 100 * time.Millisecond, 0, false, "kept for longer than it was away"},
		{rtcp.ReceptionReport{}, 100 * time.Millisecond, 0, false, "no report of ours has come"},
		{rtcp.ReceptionReport{LastSenderReport: 77}, 100 * time.Millisecond, 0, false, "an echo of what we never sent"},
	} {
		got, ok := roundTripOf(row.echo, sent.Add(row.after))
		if ok != row.ok || (got-row.want).Abs() > time.Millisecond {
			t.Errorf("%s: %v, %v", row.reason, got, ok)
		}
	}
}
