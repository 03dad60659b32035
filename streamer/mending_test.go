package streamer

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"nearlight/internal/alarm"
	"nearlight/internal/media"
	"nearlight/streamer/dependency"
)

const ms = time.Millisecond

// write sends a frame of so many octets, captured at an instant.
func write(t *testing.T, track *videoTrack, octets int, captured media.Instant, keyframe bool, skips int) {
	t.Helper()
	slice := annexBSlice(octets, true)
	slice.Keyframe, slice.Skips = keyframe, skips
	if err := track.writeSlice(slice, captured); err != nil {
		t.Fatal(err)
	}
}

func TestEachPacketSaysWhichFramesItsOwnNeeds(t *testing.T) {
	sent := &sentPackets{keep: true}
	track := boundTrack(t, sent)
	at := media.Now()
	write(t, track, 3000, at, true, 0)
	write(t, track, 3000, at.Add(20*ms), false, 0)
	write(t, track, 100, at.Add(40*ms), false, 1)
	if err := track.outbound.again(sent.headers[1].SequenceNumber, media.Now(), 0); err != nil {
		t.Fatal(err)
	}
	var r dependency.Reader
	for i, want := range []dependency.Frame{
		{Number: 1, First: true, Structure: true}, {Number: 1}, {Number: 1, Last: true},
		{Number: 2, First: true, Distances: []int{1}}, {Number: 2, Distances: []int{1}}, {Number: 2, Last: true, Distances: []int{1}},
		{Number: 3, First: true, Last: true, Distances: []int{2}},
		{Number: 1}, // the repeat
	} {
		got, err := r.Read(sent.headers[i].GetExtension(6))
		if err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
		if got.Number != want.Number || got.First != want.First || got.Last != want.Last || got.Structure != want.Structure || !slices.Equal(got.Distances, want.Distances) {
			t.Errorf("packet %d says %+v, want %+v", i, got, want)
		}
	}
}

func TestFramesThatDoNotComeAreToldUntilOneDoesWithoutThem(t *testing.T) {
	sent := &sentPackets{keep: true}
	track := boundTrack(t, sent)
	o := track.outbound
	at := media.Now()
	for n := range 4 {
		write(t, track, 100, at.Add(time.Duration(n)*16*ms), n == 0, 0)
	}
	lost := sent.headers[2].SequenceNumber
	ask := func(after time.Duration) (repeats int) {
		t.Helper()
		before := len(sent.headers)
		o.kept[lost%keptPackets].lastSent = at // requests come in no time here
		if err := o.again(lost, at.Add(after), 20*ms); err != nil {
			t.Fatal(err)
		}
		return len(sent.headers) - before
	}
	if ask(30*ms) != 1 || ask(60*ms) != 2 {
		t.Fatal("it is not repeated")
	}
	if _, _, found := o.takeLoss(); found {
		t.Error("a frame is told of that is on its way")
	}
	if ask(90*ms) != 1 {
		t.Error("it is not repeated for the last time")
	}
	loss, precise, found := o.takeLoss()
	if want := (Loss{First: at.Add(32 * ms), Last: at.Add(48 * ms)}); !found || !precise || loss != want {
		t.Errorf("in doubt: %+v, %v, want %+v", loss, found, want)
	}
	if _, _, again := o.takeLoss(); again {
		t.Error("it is told twice")
	}
	if ask(120*ms) != 0 {
		t.Error("it is repeated without end")
	}
	if loss, _, found := o.takeLoss(); !found || !loss.Certain {
		t.Errorf("for good: %+v, %v", loss, found)
	}
	o.wire.dependencyID = 0 // a player who does not know which frames need which
	o.kept[lost%keptPackets].repeats = 3
	if ask(150*ms) != 1 {
		t.Error("it is not repeated")
	}
	if _, _, found := o.takeLoss(); found {
		t.Error("a doubt is told that nobody can act on")
	}
	write(t, track, 100, at.Add(200*ms), false, 2)
	if ask(210*ms) != 0 {
		t.Error("a frame is repeated that nobody needs")
	}
	if _, _, found := o.takeLoss(); found {
		t.Error("a frame is told of that nobody needs")
	}
}

func TestTheLastPacketBeforeAPauseIsSentAgainUntilItIsShown(t *testing.T) {
	sent := &sentPackets{keep: true}
	track := boundTrack(t, sent)
	o := track.outbound
	write(t, track, 100, media.Now(), true, 0)
	o.shown(1)
	o.setRoundTrip(40 * ms)
	if due := o.tailDue(media.Now()); due != alarm.Never {
		t.Error("a frame that is shown is sent again")
	}
	write(t, track, 3000, media.Now().Add(ms), false, 0)
	now := media.Now()
	due := o.tailDue(now)
	if due <= now.Add(40*ms) || due > now.Add(100*ms) {
		t.Fatalf("due in %v", due.Sub(now))
	}
	before := len(sent.headers)
	if next := o.probeTail(due); len(sent.headers) != before+1 || next <= due {
		t.Fatalf("%d packets, next %v later", len(sent.headers)-before, next.Sub(due))
	}
	if again := sent.payloads[before]; !bytes.Equal(again[2:], sent.payloads[before-1]) {
		t.Error("it is not the last packet that is sent again")
	}
	o.shown(2)
	if due := o.tailDue(now); due != alarm.Never {
		t.Error("it goes on although the frame is shown")
	}
}

func TestAKeyframeThatIsBeingSentAnswersRequestsForOne(t *testing.T) {
	var gate keyframeGate
	now := time.Now()
	gate.sent(now)
	if gate.pass(now.Add(50*ms), 0) || gate.pass(now.Add(150*ms), 200*ms) {
		t.Error("a request that was sent before the keyframe came makes another")
	}
	if !gate.pass(now.Add(250*ms), 200*ms) {
		t.Error("a later request is not passed")
	}
}
