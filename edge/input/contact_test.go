package input

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"nearlight/streamer/control"
)

// tapper is an injector with ShortestTap whose display notes when each key changes, from the first on.
func tapper(t *testing.T) (*Injector, *Player, func() []string) {
	x := newRecorder(t)
	began := time.Now()
	clocked := &clockedKeys{recorder: x, began: began}
	var physical [256]bool
	for i := range physical {
		physical[i] = true
	}
	in := newInjector(clocked, physical, nil, Config{Tap: ShortestTap})
	return in, in.Join(), func() []string {
		in.mu.Lock()
		defer in.mu.Unlock()
		return slices.Clone(clocked.when)
	}
}

type clockedKeys struct {
	*recorder
	began time.Time
	when  []string
}

func (c *clockedKeys) key(code keycode, down bool) {
	c.recorder.key(code, down)
	c.when = append(c.when, fmt.Sprintf("%v %v", time.Since(c.began), down))
}

func TestATapLastsLongEnoughForAGameToSeeIt(t *testing.T) {
	for _, step := range []struct {
		reason string
		play   func(*Player)
		want   []string
	}{
		{"press and release come together", func(p *Player) {
			p.Handle(&control.Key{Seq: 1, Down: true, Code: 30})
			p.Handle(&control.Key{Seq: 2, Code: 30})
		}, []string{"0s true", "50ms false"}},
		{"a finger's own tap is left as it is", func(p *Player) {
			p.Handle(&control.Key{Seq: 1, Down: true, Code: 30})
			time.Sleep(80 * time.Millisecond)
			p.Handle(&control.Key{Seq: 2, Code: 30})
		}, []string{"0s true", "80ms false"}},
		{"two taps within one stay two", func(p *Player) {
			p.Handle(&control.Key{Seq: 1, Down: true, Code: 30})
			p.Handle(&control.Key{Seq: 2, Code: 30})
			time.Sleep(10 * time.Millisecond)
			p.Handle(&control.Key{Seq: 3, Down: true, Code: 30})
			p.Handle(&control.Key{Seq: 4, Code: 30})
		}, []string{"0s true", "10ms false", "10ms true", "60ms false"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			in, player, when := tapper(t)
			step.play(player)
			time.Sleep(time.Second)
			if got := when(); !slices.Equal(got, step.want) {
				t.Errorf("%s: %v, want %v", step.reason, got, step.want)
			}
			in.Close()
		})
	}
}

func TestClosingLetsGoOfATapThatIsNotOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, player, when := tapper(t)
		player.Handle(&control.Key{Seq: 1, Down: true, Code: 30})
		player.Handle(&control.Key{Seq: 2, Code: 30})
		in.Close()
		time.Sleep(time.Second)
		if got, want := when(), []string{"0s true", "0s false"}; !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}
