package challenge_test

import (
	"slices"
	"testing"
	"time"

	"nearlight/checker/challenge"
	"nearlight/internal/media"
	"nearlight/internal/yuv"
)

const fps = 30

const period = time.Second / fps

func planned(length time.Duration) challenge.Plan {
	return challenge.Plan{Task: task, Size: size, FrameRate: fps, Length: length, Every: 500 * time.Millisecond, Share: 0.15}
}

// cheat is an edge that does not do what it says.
type cheat struct {
	name   string
	how    string
	length time.Duration // of the challenge
	caught []string      // by all of these findings, at the end
	run    func(r *run) *run
}

var cheats = []cheat{
	{"replay", "an earlier run's pictures, blocks and all", 4 * time.Second, []string{challenge.Unanswered, challenge.Wrong}, func(r *run) *run {
		earlier := honest(77, r.plan)
		return r.changed(func(n int, s *shot, _ []shot) bool {
			if n >= len(earlier.shots) {
				return false
			}
			old := earlier.shots[n]
			s.nonce, s.since, s.said = old.nonce, old.since, old.said
			return true
		})
	}},
	{"guessed nonce", "drawn ahead for other nonces, the right blocks painted over", 4 * time.Second, []string{challenge.Unanswered, challenge.Wrong}, func(r *run) *run {
		return r.changed(func(_ int, s *shot, _ []shot) bool {
			s.nonce++
			return true
		})
	}},
	{"every second frame again", "half of the pictures are the one before, with new blocks", 4 * time.Second, []string{challenge.Repeated, challenge.Missed, challenge.Wrong}, func(r *run) *run {
		return r.changed(func(n int, s *shot, all []shot) bool {
			if n%2 == 1 {
				s.nonce, s.since = all[n-1].nonce, all[n-1].since
			}
			return true
		})
	}},
	{"half resolution", "drawn at 320x180 and scaled up", 4 * time.Second, []string{challenge.Detail}, func(r *run) *run { return r.changed(halved) }},
	{"half of the objects", "every second object is left out", 4 * time.Second, []string{challenge.Tiles}, func(r *run) *run {
		return r.changed(func(_ int, s *shot, _ []shot) bool {
			s.fewer = int(task.Objects) / 2
			return true
		})
	}},
	{"marker on an old frame", "each picture is the one before, with the blocks that were due", 4 * time.Second, []string{challenge.Wrong}, func(r *run) *run {
		return r.changed(func(n int, s *shot, all []shot) bool {
			if n == 0 {
				return false
			}
			s.nonce, s.since = all[n-1].nonce, all[n-1].since
			return true
		})
	}},
	{"slower GPU, on the grid", "one picture in twenty is not ready", 16 * time.Second, []string{challenge.Missed}, func(r *run) *run {
		return r.changed(func(n int, _ *shot, _ []shot) bool { return n%20 != 7 })
	}},
	{"slower GPU, off the grid", "28.1 pictures a second, evenly", 16 * time.Second, []string{challenge.Missed}, func(r *run) *run {
		return r.changed(func(n int, s *shot, _ []shot) bool {
			s.arrived += time.Duration(n%16) * period / 16
			return n%16 != 15
		})
	}},
	{"relay", "another machine draws, 7.5 ms away", 10 * time.Second, []string{challenge.Delay}, func(r *run) *run {
		return r.changed(func(_ int, s *shot, _ []shot) bool {
			s.arrived += 15 * time.Millisecond
			return true
		})
	}},
	{"false times", "the relay draws what is due 30 ms later, so as to look near", 10 * time.Second, []string{challenge.Delay, challenge.Early}, func(r *run) *run {
		return r.changed(func(_ int, s *shot, _ []shot) bool {
			s.arrived += 15 * time.Millisecond
			s.since += 30 * time.Millisecond
			s.said.Claim.Since = s.since
			return true
		})
	}},
	{"false times in the blocks alone", "the blocks say 30 ms later than what is drawn", 4 * time.Second, []string{challenge.Wrong}, func(r *run) *run {
		return r.changed(func(_ int, s *shot, _ []shot) bool {
			s.said.Claim.Since += 30 * time.Millisecond
			return true
		})
	}},
}

// halved draws at half the size.
func halved(_ int, s *shot, _ []shot) bool {
	s.change = func(f *media.Frame) {
		small := media.NewFrame(media.Size{Width: size.Width / 2, Height: size.Height / 2})
		if err := yuv.Scale(small, f); err != nil {
			panic("sizes are right: " + err.Error())
		}
		if err := yuv.Scale(f, small); err != nil {
			panic("sizes are right: " + err.Error())
		}
	}
	return true
}

const usualRate = media.Mbps // 0.145 bits a pixel, as 8 Mbit/s at 1280x720 and 60 pictures a second

// look is how often a verdict is asked for while a challenge runs.
const look = 250 * time.Millisecond

// judged is the verdict at the end, and for each finding that was ever beyond its limit how long that took.
func judged(t *testing.T, w *challenge.Watch, p challenge.Painter, length time.Duration) (challenge.Verdict, map[string]time.Duration) {
	t.Helper()
	caught := map[string]time.Duration{}
	var last challenge.Verdict
	for at := look; at <= length; at += look {
		v, err := w.Judge(p, challenge.DefaultLimits, began.Add(at))
		must(t, err)
		for _, name := range v.Failed() {
			if _, before := caught[name]; !before {
				caught[name] = at
			}
		}
		last = v
	}
	return last, caught
}

// TestCheatsAreCaught draws, codes, decodes and judges: an honest edge, and each cheat. What it logs is docs/checking.md's table.
func TestCheatsAreCaughtAndAnHonestEdgePasses(t *testing.T) {
	a, p := openApp(t), painter(t)
	const length = 16 * time.Second
	t.Run("honest", func(t *testing.T) {
		v, caught := judged(t, a.watched(t, honest(1, planned(length)), coders[0], usualRate), p, length)
		for _, f := range v.Findings {
			t.Log(f)
		}
		if len(v.Failed()) > 0 || len(caught) > 0 || len(v.Findings) < 8 {
			t.Errorf("%d findings, failed in the end: %v, at any of %d looks: %v", len(v.Findings), v.Failed(), length/look, caught)
		}
	})
	for _, c := range cheats {
		t.Run(c.name, func(t *testing.T) {
			v, caught := judged(t, a.watched(t, c.run(honest(1, planned(c.length))), coders[0], usualRate), p, c.length)
			failed := v.Failed()
			for _, name := range c.caught {
				if !slices.Contains(failed, name) {
					t.Errorf("%q passes", name)
				}
			}
			first := c.length
			for _, at := range caught {
				first = min(first, at)
			}
			t.Logf("%s: caught after %v, %d frames", c.how, first, int(first.Seconds()*fps))
			for _, f := range v.Findings {
				if at, ever := caught[f.Name]; ever {
					t.Logf("  after %v: %v", at, f)
				}
			}
		})
	}
	t.Run("together", func(t *testing.T) { together(t, a, p) })
}

// together is about two edges that say they are two machines, and are one GPU, which draws for each by turns when both are asked.
func together(t *testing.T, a *app, p challenge.Painter) {
	const length = 4 * time.Second
	verdict := func(r *run) challenge.Verdict {
		v, _ := judged(t, a.watched(t, r, coders[0], usualRate), p, length)
		return v
	}
	alone := verdict(honest(1, planned(length)))
	both := verdict(honest(1, planned(length)).changed(func(n int, _ *shot, _ []shot) bool { return n%2 == 0 }))
	shared := challenge.Together(alone, both, challenge.DefaultLimits)
	t.Log(shared)
	if shared.Passed() {
		t.Error("one GPU passes for two")
	}
	if own := challenge.Together(alone, alone, challenge.DefaultLimits); !own.Passed() {
		t.Errorf("a machine of its own fails: %v", own)
	}
}
