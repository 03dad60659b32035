package viewer

import (
	"testing"
	"testing/synctest"

	"github.com/pion/webrtc/v4"

	"nearlight/streamer/control"
)

// idler looks at nothing before it may.
type idler struct {
	may   chan struct{}
	shown int
}

func (i *idler) Frame(Frame) {
	<-i.may
	i.shown++
}
func (*idler) Message(control.Message)            {}
func (*idler) Candidate(*webrtc.ICECandidateInit) {}

func TestWhatWaitsToBeShownIsBoundedInOctets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		watcher := &idler{may: make(chan struct{})}
		s := newShow(&Viewer{watcher: watcher})
		pushed := 0
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 8 {
				s.push(&AccessUnit{Data: make([]byte, maxAccessUnit)}, 0)
				pushed++
			}
		}()
		synctest.Wait()
		if most := waitingOctets/maxAccessUnit + 1; pushed > most { // and one that is being shown
			t.Errorf("%d units of the largest size were taken, want %d at the most", pushed, most)
		}
		close(watcher.may)
		<-done
		if err := s.close(); err != nil {
			t.Fatal(err)
		}
		if watcher.shown != 8 {
			t.Errorf("%d of 8 were shown", watcher.shown)
		}
	})
}
