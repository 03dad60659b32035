package viewer

import (
	"slices"
	"testing"
	"time"

	"nearlight/internal/media"
)

const ms = time.Millisecond

func TestWhatIsMissingIsAskedForAtOnceAndOnceARoundTrip(t *testing.T) {
	var r requests
	a := newAssembler(h264)
	packets := stream(65534, 3, 3)
	for i, p := range packets {
		if i != 1 && i != 4 {
			a.push(p, 1)
		}
	}
	at := func(after time.Duration) media.Instant { return media.Instant(after + 1) }
	if got := r.missing(a, at(0), nil); !slices.Equal(got, []uint16{65535, 2}) {
		t.Fatalf("at once: %v", got)
	}
	if got := r.missing(a, at(firstLoop-ms), nil); len(got) != 0 {
		t.Errorf("sooner than a repeat can come: %v", got)
	}
	r.arrived(65535, at(40*ms))
	a.push(packets[1], at(40*ms))
	if got := r.missing(a, at(45*ms), nil); len(got) != 0 {
		t.Errorf("as soon as the other repeat has come: %v", got)
	}
	if got := r.missing(a, at(40*ms+requestMargin), nil); !slices.Equal(got, []uint16{2}) {
		t.Errorf("a round trip later: %v", got)
	}
	asked := 2
	for after := 50 * ms; after < 5*time.Second; after += ms {
		asked += len(r.missing(a, at(after), nil))
	}
	if asked != mostRequests {
		t.Errorf("it is asked for %d times", asked)
	}
}

func TestALoopThatVariesIsWaitedForLonger(t *testing.T) {
	learn := func(loops ...time.Duration) time.Duration {
		var r requests
		for i, loop := range loops {
			r.asked[i] = request{sequence: uint16(i), count: 1, at: media.Instant(time.Second)}
			r.arrived(uint16(i), media.Instant(time.Second+loop))
		}
		return r.again()
	}
	if again := learn(40*ms, 40*ms, 40*ms, 40*ms); again != 40*ms+requestMargin {
		t.Errorf("a steady loop of 40 ms: %v", again)
	}
	steady, varying := learn(40*ms, 40*ms, 40*ms, 40*ms, 40*ms), learn(40*ms, 80*ms, 20*ms, 90*ms, 20*ms)
	if varying <= steady {
		t.Errorf("varying %v, steady %v", varying, steady)
	}
	var r requests
	r.asked[7] = request{sequence: 7, count: 2, at: media.Instant(time.Second)}
	r.arrived(7, media.Instant(time.Second+ms))
	r.arrived(8, media.Instant(time.Second))
	if r.loop != 0 {
		t.Error("a packet that was asked for twice, or never, tells of the loop")
	}
}
