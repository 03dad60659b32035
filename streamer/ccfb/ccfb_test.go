package ccfb

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

const start = 126 * 365 * 24 * time.Hour // about now, since 1900

// exchange sends a report as the network carries it.
func exchange(t testing.TB, report *rtcp.CCFeedbackReport) *rtcp.CCFeedbackReport {
	t.Helper()
	data, err := report.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	packets, err := rtcp.Unmarshal(data)
	if err != nil || len(packets) != 1 {
		t.Fatalf("%d packets, %v", len(packets), err)
	}
	return packets[0].(*rtcp.CCFeedbackReport)
}

func numbers(packets []Packet, arrived bool) (n []int64) {
	for _, p := range packets {
		if p.Arrived == arrived {
			n = append(n, p.Number)
		}
	}
	return n
}

func TestAReportSaysOfEachStreamsPacketsWhatTheSenderKnowsThemBy(t *testing.T) {
	var recorder Recorder
	var reader Reader
	const picture, sound = 7, 9
	// As they are sent: the picture's numbers go round at 65536.
	for i, p := range []struct {
		ssrc     uint32
		sequence uint16
	}{{picture, 65534}, {picture, 65535}, {sound, 3}, {picture, 0}, {picture, 1}, {picture, 2}} {
		reader.Sent(p.ssrc, p.sequence, int64(100+i))
	}
	at := func(ms int) time.Duration { return start + time.Duration(ms)*time.Millisecond }
	recorder.Arrived(picture, 65534, rtcp.ECNECT1, at(0))
	recorder.Arrived(picture, 0, rtcp.ECNCE, at(3))
	recorder.Arrived(sound, 3, rtcp.ECNNonECT, at(2))
	recorder.Arrived(picture, 2, rtcp.ECNECT1, at(5))
	got := reader.Read(exchange(t, recorder.Report(at(20))), nil)
	if came, lost := numbers(got, true), numbers(got, false); !slices.Equal(came, []int64{100, 102, 103, 105}) || !slices.Equal(lost, []int64{101, 104}) {
		t.Fatalf("%v came and %v are lost", came, lost)
	}
	base := got[0].Arrival
	for i, want := range map[int]struct {
		after time.Duration
		ecn   rtcp.ECN
	}{0: {0, rtcp.ECNECT1}, 2: {2, rtcp.ECNNonECT}, 3: {3, rtcp.ECNCE}, 5: {5, rtcp.ECNECT1}} {
		off := got[i].Arrival - base - want.after*time.Millisecond
		if off.Abs() > time.Second/1024 || got[i].ECN != want.ecn {
			t.Errorf("packet %d came %v off, with %v", i, off, got[i].ECN)
		}
	}
	if recorder.Report(at(40)) != nil {
		t.Error("there is a report without news")
	}
}

func TestWhatALostReportSaidIsInTheNextOne(t *testing.T) {
	var recorder Recorder
	var reader Reader
	for sequence := range uint16(9) {
		reader.Sent(7, sequence, int64(sequence))
	}
	report := func(ms int, came ...uint16) *rtcp.CCFeedbackReport {
		for _, sequence := range came {
			recorder.Arrived(7, sequence, rtcp.ECNNonECT, start+time.Duration(ms)*time.Millisecond)
		}
		return exchange(t, recorder.Report(start+time.Duration(ms)*time.Millisecond))
	}
	first := report(10, 0, 1, 2)
	report(20, 3, 5) // is lost
	third := report(30, 6, 4)
	last := report(40, 7, 8)
	if got := numbers(reader.Read(third, nil), true); !slices.Equal(got, []int64{3, 4, 5, 6}) {
		t.Errorf("after a lost report %v came", got)
	}
	// Reports that overtake each other tell the same instants.
	newer := reader.Read(last, nil)
	older := reader.Read(first, nil)
	if got := numbers(older, true); !slices.Equal(got, []int64{0, 1, 2}) {
		t.Errorf("the first report, coming last, says %v", got)
	}
	if apart := newer[len(newer)-1].Arrival - older[0].Arrival; (apart - 30*time.Millisecond).Abs() > 2*time.Millisecond {
		t.Errorf("30 ms apart on the receiver's clock, %v by the reports", apart)
	}
}

func TestAPacketThatComesLateIsReportedAfterAll(t *testing.T) {
	var recorder Recorder
	var reader Reader
	for sequence := range uint16(20) {
		reader.Sent(7, sequence, int64(sequence))
	}
	recorder.Arrived(7, 0, 0, start)
	for sequence := uint16(2); sequence < 20; sequence++ {
		recorder.Arrived(7, sequence, 0, start)
		recorder.Report(start)
	}
	recorder.Arrived(7, 1, rtcp.ECNECT1, start)
	recorder.Arrived(7, 1, rtcp.ECNCE, start+time.Second)
	got := reader.Read(exchange(t, recorder.Report(start)), nil)
	if i := slices.IndexFunc(got, func(p Packet) bool { return p.Number == 1 }); i < 0 || !got[i].Arrived || got[i].ECN != rtcp.ECNCE {
		t.Errorf("%+v", got)
	}
}

func TestArrivalTimesGoOnWhereTheReportsClockGoesRound(t *testing.T) {
	var recorder Recorder
	var reader Reader
	at := time.Duration(0xffff)*time.Second + 990*time.Millisecond // of 65536 s
	last := time.Duration(0)
	for sequence := range uint16(40) {
		reader.Sent(7, sequence, int64(sequence))
		recorder.Arrived(7, sequence, 0, at)
		got := reader.Read(exchange(t, recorder.Report(at+time.Millisecond)), nil)
		arrival := got[len(got)-1].Arrival
		if step := arrival - last; sequence > 0 && (step-time.Millisecond).Abs() > time.Millisecond {
			t.Fatalf("packet %d came %v after the one before", sequence, step)
		}
		last = arrival
		at += time.Millisecond
	}
}

func TestAnUnknownTimeIsNoTime(t *testing.T) {
	var recorder Recorder
	var reader Reader
	for sequence := range uint16(3) {
		reader.Sent(7, sequence, int64(sequence))
	}
	recorder.Arrived(7, 0, 0, start)
	recorder.Arrived(7, 1, 0, start+20*time.Second) // after the report's own time
	recorder.Arrived(7, 2, 0, start+9*time.Second)
	report := exchange(t, recorder.Report(start+10*time.Second))
	metrics := report.ReportBlocks[0].MetricBlocks
	if metrics[0].ArrivalTimeOffset != offsetLong || metrics[1].ArrivalTimeOffset != offsetUnknown {
		t.Errorf("%+v", metrics)
	}
	if got := numbers(reader.Read(report, nil), true); !slices.Equal(got, []int64{2}) {
		t.Errorf("%v came at a known time", got)
	}
}

func TestReportsAreBoundedWhateverComes(t *testing.T) {
	var recorder Recorder
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 20000 {
		recorder.Arrived(random.Uint32N(20), uint16(random.Uint32()), rtcp.ECN(random.Uint32N(4)), start+time.Duration(i)*time.Millisecond)
		if i%7 != 0 {
			continue
		}
		report := recorder.Report(start + time.Duration(i)*time.Millisecond)
		if report == nil {
			continue
		}
		if len(report.ReportBlocks) > maxStreams {
			t.Fatalf("%d streams", len(report.ReportBlocks))
		}
		for _, b := range report.ReportBlocks {
			if len(b.MetricBlocks) > reportable {
				t.Fatalf("%d packets of one stream", len(b.MetricBlocks))
			}
		}
	}
}

func TestMakingAndReadingReportsDoesNotAllocate(t *testing.T) {
	var recorder Recorder
	var reader Reader
	var read []Packet
	sequence := uint16(0)
	frame := func() {
		for range 30 {
			reader.Sent(7, sequence, int64(sequence))
			recorder.Arrived(7, sequence, 0, start)
			sequence++
		}
		read = reader.Read(recorder.Report(start), read[:0])
	}
	for range 3 {
		frame()
	}
	if n := testing.AllocsPerRun(100, frame); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func TestReportsAreOfferedOfAllPayloadTypesAndNotWhereASectionIsRefused(t *testing.T) {
	const description = "v=0\r\ns=-\r\nm=audio 9 UDP/TLS/RTP/SAVPF 120\r\na=mid:0\r\nm=video 0 UDP/TLS/RTP/SAVPF 102\r\na=mid:1\r\n" +
		"m=video 9 UDP/TLS/RTP/SAVPF 102\r\na=rtcp-fb:102 nack\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:3\r\n"
	if Accepted(description) {
		t.Error("accepted before it was offered")
	}
	offered := Offer(description)
	if strings.Count(offered, acceptance+"\r\n") != 2 || !Accepted(offered) {
		t.Errorf("offered as\n%s", offered)
	}
	if strings.ReplaceAll(offered, acceptance+"\r\n", "") != description {
		t.Errorf("the rest of the offer has changed:\n%s", offered)
	}
	for line, want := range map[string]bool{
		"a=rtcp-fb:102 ack ccfb\r\n": true, "a=rtcp-fb:* ack\r\n": false, "a=rtcp-fb:* nack ccfb\n": false, "a=rtcp-fb:102 transport-cc\r\n": false,
	} {
		if Accepted(line) != want {
			t.Errorf("%q: accepted is %v", line, !want)
		}
	}
}

// Whatever a player sends as a report, it tells of packets that were sent, in order, and times that can be reckoned with.
func FuzzReader(f *testing.F) {
	var recorder Recorder
	for sequence := range uint16(5) {
		recorder.Arrived(7, 65533+sequence, rtcp.ECN(sequence%4), start)
	}
	data, err := recorder.Report(start).Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data, data)
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var reader Reader
		for sequence := range uint16(300) {
			reader.Sent(7, 65500+sequence, int64(sequence))
		}
		for _, data := range [][]byte{first, second, first} {
			packets, err := rtcp.Unmarshal(data)
			if err != nil {
				continue
			}
			for _, p := range packets {
				report, is := p.(*rtcp.CCFeedbackReport)
				if !is {
					continue
				}
				got := reader.Read(report, nil)
				if len(got) > len(data)/2 || !slices.IsSortedFunc(got, func(a, b Packet) int { return int(a.Number - b.Number) }) {
					t.Fatalf("%d packets from %d octets: %+v", len(got), len(data), got)
				}
				for _, p := range got {
					if p.Number < 0 || p.Number >= 300 || p.Arrival.Abs() > 1<<60 {
						t.Fatalf("%+v", p)
					}
				}
			}
		}
	})
}
