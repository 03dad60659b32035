package viewer

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pion/webrtc/v4"

	"nearlight/streamer/control"
)

// nobody watches nothing.
type nobody struct{}

func (nobody) Frame(Frame)                        {}
func (nobody) Message(control.Message)            {}
func (nobody) Candidate(*webrtc.ICECandidateInit) {}

func TestATrackThatIsAnnouncedDuringTheEndIsReadToItsEndOrNotAtAll(t *testing.T) {
	for range 50 {
		v, err := New(Config{}, nobody{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var reading atomic.Int32
		var tracks sync.WaitGroup
		for range 8 {
			tracks.Go(func() {
				v.receive(func() {
					reading.Add(1)
					<-ctx.Done()
					reading.Add(-1)
				})
			})
		}
		cancel()
		if err := v.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		if n := reading.Load(); n != 0 {
			t.Fatalf("%d tracks were being read when Run returned", n)
		}
		tracks.Wait()
		if n := reading.Load(); n != 0 {
			t.Fatalf("a track was read after Run returned")
		}
	}
}

func TestAnEdgeHasOneTrackOfAKindAndOneChannel(t *testing.T) {
	v, err := New(Config{}, nobody{})
	if err != nil {
		t.Fatal(err)
	}
	defer v.connection.Close()
	for _, step := range []struct {
		kind webrtc.RTPCodecType
		want bool
	}{{webrtc.RTPCodecTypeVideo, true}, {webrtc.RTPCodecTypeVideo, false}, {webrtc.RTPCodecTypeAudio, true}, {webrtc.RTPCodecTypeAudio, false}} {
		if got := v.only(step.kind); got != step.want {
			t.Errorf("a track of %v is taken: %v", step.kind, got)
		}
	}
	var first *webrtc.DataChannel
	for range 2 {
		channel, err := v.connection.CreateDataChannel(control.OnMotion.Label(), nil)
		if err != nil {
			t.Fatal(err)
		}
		v.adopt(channel)
		if first == nil {
			first = channel
		}
	}
	if v.motion != first || v.control != nil {
		t.Error("the second channel has taken the place of the first")
	}
}
