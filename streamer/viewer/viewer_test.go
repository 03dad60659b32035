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
