package streamer

import (
	"testing"
	"time"

	"github.com/pion/rtcp"

	"nearlight/internal/media"
	"nearlight/streamer/ccfb"
)

func TestAPathIsTriedBeforeEveryPacketIsMarked(t *testing.T) {
	const marked, congested, bleached, other, lost = rtcp.ECNECT1, rtcp.ECNCE, rtcp.ECNNonECT, rtcp.ECNECT0, rtcp.ECN(9)
	times := func(n int, what ...rtcp.ECN) (all []rtcp.ECN) {
		for range n {
			all = append(all, what...)
		}
		return all
	}
	for _, row := range []struct {
		reason string
		fates  []rtcp.ECN // of packets marked, in order
		want   ecnState
	}{
		{"too few to tell", times(9, marked), ecnTesting},
		{"enough came as they were sent", times(10, marked), ecnCapable},
		{"some of them met congestion", times(5, marked, congested), ecnCapable},
		{"some of them were lost, as others are", times(10, marked, lost), ecnCapable},
		{"one was bleached", times(1, marked, bleached), ecnRefused},
		{"one was made ECT(0)", times(1, marked, other), ecnRefused},
		{"all are lost", times(10, lost), ecnRefused},
		{"all were lost, and then one came", append(times(9, lost), marked), ecnTesting},
		{"all have met congestion, which may be", times(30, congested), ecnTesting},
		{"all always do, which is the path's habit", times(60, congested), ecnRefused},
		{"what worked is bleached once", append(times(10, marked), bleached), ecnCapable},
		{"what worked is bleached", append(times(10, marked), times(3, bleached)...), ecnRefused},
	} {
		var path ecnPath
		for n, fate := range row.fates {
			path.sent(int64(n))
			path.reported(ccfb.Packet{Number: int64(n) + 5000, Arrived: true}) // is none of those
			path.reported(ccfb.Packet{Number: int64(n), Arrived: fate != lost, ECN: fate % 4})
			path.reported(ccfb.Packet{Number: int64(n), Arrived: fate != lost, ECN: fate % 4}) // reports overlap
		}
		if path.state != row.want {
			t.Errorf("%s: %v, want %v (%d passed, %d lost, %d changed)", row.reason, path.state, row.want, path.passed, path.lost, path.changed)
		}
	}
}

func TestAMarkedPacketThatComesLateIsNotLost(t *testing.T) {
	var path ecnPath
	for n := range int64(9) {
		path.sent(n)
		path.reported(ccfb.Packet{Number: n})
	}
	path.reported(ccfb.Packet{Number: 3, Arrived: true, ECN: rtcp.ECNECT1})
	path.sent(9)
	path.reported(ccfb.Packet{Number: 9})
	path.sent(10)
	path.reported(ccfb.Packet{Number: 10})
	if path.state != ecnTesting || path.lost != 10 || path.passed != 1 {
		t.Errorf("%v, %d lost, %d passed", path.state, path.lost, path.passed)
	}
}

func TestSilenceAndAnotherWayAreTriedAnew(t *testing.T) {
	var path ecnPath
	for n := range int64(ecnTests) {
		path.sent(n)
		path.reported(ccfb.Packet{Number: n, Arrived: true, ECN: rtcp.ECNECT1})
	}
	path.sent(ecnTests)
	if marks := path.marks(false); marks != ecnAll {
		t.Fatalf("%v", marks)
	}
	if marks := path.marks(true); marks != ecnFirst {
		t.Errorf("nothing is heard: %v", marks)
	}
	path.reported(ccfb.Packet{Number: ecnTests, Arrived: true}) // bleached, on the way before
	if path.state != ecnTesting {
		t.Errorf("%v", path.state)
	}
	path.enter(ecnRefused)
	if marks := path.marks(true); marks != ecnNone {
		t.Errorf("refused, and nothing is heard: %v", marks)
	}
}

func TestAFramesFirstPacketIsAheadOfTheOthersWhereAllAreMarked(t *testing.T) {
	for _, marks := range []ecnMarks{ecnFirst, ecnAll} {
		sent := &sentPackets{keep: true}
		track := boundTrack(t, sent)
		o := track.outbound
		o.marks = marks
		o.schedule.setPace(20*media.Mbps, 8*time.Millisecond)
		before := media.Now()
		if err := track.writeSlice(annexBSlice(9000, true), before); err != nil {
			t.Fatal(err)
		}
		if alone := len(sent.headers) == 1; alone != (marks == ecnAll) {
			t.Errorf("%d packets left at once with marks %d", len(sent.headers), marks)
		}
		if marks == ecnAll && o.schedule.next.Sub(before) < ecnAlone {
			t.Errorf("the next ones leave after %v", o.schedule.next.Sub(before))
		}
	}
}
