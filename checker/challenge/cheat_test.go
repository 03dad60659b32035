package challenge_test

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"nearlight/checker/challenge"
	"nearlight/internal/media"
	"nearlight/internal/yuv"
)

const fps = 30

// quick is how many pictures a second edges with a GPU are asked for.
const quick = 60

func planned(length time.Duration) challenge.Plan {
	return challenge.Plan{Task: task, Size: size, FrameRate: fps, Length: length, Every: 500 * time.Millisecond, Share: 0.15}
}

// cheat is an edge that does not do what it says.
type cheat struct {
	name   string
	how    string
	drawn  bool     // its pictures are not those of an honest edge
	caught []string // by all of these findings, at the end
	run    func(r *run) *run
}

var cheats = []cheat{
	{"replay", "an earlier run's pictures, blocks and all", true, []string{challenge.Unanswered, challenge.Wrong}, func(r *run) *run {
		earlier := honest(r.seed+1000, r.plan, r.way)
		return r.changed(func(n int, s *shot, _ []shot) bool {
			if n >= len(earlier.shots) {
				return false
			}
			old := earlier.shots[n]
			s.nonce, s.since, s.said = old.nonce, old.since, old.said
			return true
		})
	}},
	{"guessed nonce", "drawn ahead for other nonces, the right blocks painted over", true, []string{challenge.Unanswered, challenge.Wrong}, func(r *run) *run {
		return r.changed(func(_ int, s *shot, _ []shot) bool {
			s.nonce++
			return true
		})
	}},
	{"every second frame again", "half of the pictures are the one before, with new blocks", true, []string{challenge.Repeated, challenge.Missed, challenge.Wrong}, func(r *run) *run {
		return r.changed(func(n int, s *shot, all []shot) bool {
			if n%2 == 1 {
				s.nonce, s.since = all[n-1].nonce, all[n-1].since
			}
			return true
		})
	}},
	{"half resolution", "drawn at 320x180 and scaled up", true, []string{challenge.Detail}, func(r *run) *run { return r.changed(halved) }},
	{"half of the objects", "every second object is left out", true, []string{challenge.Tiles}, func(r *run) *run {
		return r.changed(func(_ int, s *shot, _ []shot) bool {
			s.fewer = int(task.Objects) / 2
			return true
		})
	}},
	{"marker on an old frame", "each picture is the one before, with the blocks that were due", true, []string{challenge.Wrong}, func(r *run) *run {
		return r.changed(func(n int, s *shot, all []shot) bool {
			if n == 0 {
				return false
			}
			s.nonce, s.since = all[n-1].nonce, all[n-1].since
			return true
		})
	}},
	{"slower GPU, on the grid", "one picture in twenty is not ready", false, []string{challenge.Missed}, func(r *run) *run {
		return r.changed(func(n int, _ *shot, _ []shot) bool { return n%20 != 7 })
	}},
	{"slower GPU, off the grid", "15 pictures in the time of 16, evenly", false, []string{challenge.Missed}, func(r *run) *run {
		return r.changed(func(n int, s *shot, _ []shot) bool {
			s.left += time.Duration(n%16) * time.Second / time.Duration(16*r.plan.FrameRate)
			return n%16 != 15
		})
	}},
	{"relay", "another machine draws, 7.5 ms away", false, []string{challenge.Delay}, func(r *run) *run {
		return r.changed(func(_ int, s *shot, _ []shot) bool {
			s.left += 15 * time.Millisecond
			return true
		})
	}},
	{"false times", "the relay draws what is due 30 ms later, so as to look near", false, []string{challenge.Delay}, func(r *run) *run {
		return r.changed(func(_ int, s *shot, _ []shot) bool {
			s.left += 15 * time.Millisecond
			s.since += 30 * time.Millisecond
			s.said.Claim.Since = s.since
			return true
		})
	}},
	{"false times in the blocks alone", "the blocks say 30 ms later than what is drawn", true, []string{challenge.Wrong}, func(r *run) *run {
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

// sight is what looks at a challenge came to.
type sight struct {
	last   challenge.Verdict
	caught map[string]time.Duration // by each finding that was ever beyond its limit
	looks  int
	alarms int // looks with such a finding
}

// sighted gathers the verdicts of looks.
func sighted(t testing.TB, p challenge.Painter) (*sight, func(time.Duration, *challenge.Watch)) {
	s := &sight{caught: map[string]time.Duration{}}
	return s, func(at time.Duration, w *challenge.Watch) {
		t.Helper()
		v, err := w.Judge(p, challenge.DefaultLimits, began.Add(at))
		must(t, err)
		s.looks++
		if len(v.Failed()) > 0 {
			s.alarms++
		}
		for _, name := range v.Failed() {
			if _, before := s.caught[name]; !before {
				s.caught[name] = at
			}
		}
		s.last = v
	}
}

// first is what caught an edge first, and when.
func (s *sight) first() (by string, at time.Duration) {
	at = -1
	for name, when := range s.caught {
		if at < 0 || when < at || when == at && name < by {
			by, at = name, when
		}
	}
	return by, at
}

// drawnFor is how long the challenges are whose pictures are drawn.
const drawnFor = 4 * time.Second

// seenBy draws, codes, decodes and judges a run.
func (a *app) seenBy(t testing.TB, p challenge.Painter, r *run, c coder) (*sight, *challenge.Watch) {
	t.Helper()
	s, look := sighted(t, p)
	return s, a.watched(t, r.carried(), c, usualRate, look)
}

// TestCheats draws, codes, decodes and judges an honest edge and each cheat over the clean way, and then has them judged by how their pictures were found to
// look over the others, and at 60 pictures a second. What it logs is docs/checking.md's table.
func TestCheatsAreCaughtAndAnHonestEdgePasses(t *testing.T) {
	a, p := openApp(t), painter(t)
	var own *recording
	t.Run("honest", func(t *testing.T) {
		s, w := a.seenBy(t, p, honest(1, planned(2*drawnFor), clean), coders[0])
		own = recorded(coders[0].name, w)
		for _, f := range s.last.Findings {
			t.Log(f)
		}
		if s.alarms > 0 || len(s.last.Findings) < 8 {
			t.Errorf("%d findings, failed at %d of %d looks: %v", len(s.last.Findings), s.alarms, s.looks, s.caught)
		}
		for _, w := range ways {
			for _, rate := range []int{fps, quick} {
				plan := planned(10 * time.Second)
				plan.FrameRate = rate
				var verdicts []challenge.Verdict
				for seed := range uint64(runs()) {
					s, look := sighted(t, nil)
					own.replayed(t, honest(seed, plan, w).carried(), seed, look)
					verdicts = append(verdicts, s.last)
				}
				least, median, most := figures(verdicts, challenge.Delay)
				t.Logf("%s, %d: the %d as one committee: %s %.3g (%.3g to %.3g)", w.name, rate, len(verdicts), challenge.Delay, median, least, most)
				if by := decided(verdicts, plan); len(by) > 0 {
					t.Errorf("%s, %d: they accuse an honest edge: %s", w.name, rate, strings.Join(by, "; "))
				}
			}
		}
	})
	if own == nil {
		t.Skip("SKIPPED: the cheats are made of an honest edge's pictures, and those were not drawn: run the subtest honest as well")
	}
	for _, c := range cheats {
		t.Run(c.name, func(t *testing.T) {
			rec := own
			if c.drawn {
				s, w := a.seenBy(t, p, c.run(honest(1, planned(drawnFor), clean)), coders[0])
				rec = recorded(c.name, w)
				for _, name := range c.caught {
					if !slices.Contains(s.last.Failed(), name) {
						t.Errorf("%q passes", name)
					}
				}
				t.Logf("drawn, %s: %v", c.how, s.caught)
			}
			for _, w := range ways {
				for _, rate := range []int{fps, quick} {
					c.over(t, rec, w, rate)
				}
			}
		})
	}
	t.Run("together", func(t *testing.T) { together(t, own) })
}

// runs is how many challenges are judged of each kind.
func runs() int {
	if os.Getenv("NEARLIGHT_EXPERIMENTS") != "" {
		return 40
	}
	return 4
}

// over judges a cheat over a way, a few times.
func (c *cheat) over(t *testing.T, rec *recording, w way, rate int) {
	t.Helper()
	plan := planned(10 * time.Second)
	plan.FrameRate = rate
	runs := runs()
	times, by, missed := []time.Duration(nil), map[string]int{}, 0
	var verdicts []challenge.Verdict
	for seed := range uint64(runs) {
		s, look := sighted(t, nil)
		rec.replayed(t, c.run(honest(seed, plan, w)).carried(), seed, look)
		verdicts = append(verdicts, s.last)
		name, at := s.first()
		if at < 0 {
			missed++
			continue
		}
		by[name]++
		times = append(times, at)
		if seed == 1 {
			for _, f := range s.last.Findings {
				if at, ever := s.caught[f.Name]; ever {
					t.Logf("  after %v: %v", at, f)
				}
			}
		}
	}
	slices.Sort(times)
	if len(times) > 0 {
		t.Logf("%s, %d: caught %d of %d, first after %v to %v, half within %v, by %v", w.name, rate, len(times), runs, times[0], times[len(times)-1], times[len(times)/2], by)
	}
	if by := decided(verdicts, plan); len(by) > 0 {
		t.Logf("%s, %d: the %d as one committee: %s", w.name, rate, runs, strings.Join(by, "; "))
	} else if rate == quick {
		t.Errorf("%s, %d: the %d as one committee find nothing", w.name, rate, runs)
	}
	if missed > runs/10 && rate == quick {
		t.Errorf("%s, %d: %d of %d are not caught", w.name, rate, missed, runs)
	}
}

// decided is what a committee would find that has seen all this: its median of each figure is beyond what a task requires (checker/epoch).
func decided(verdicts []challenge.Verdict, plan challenge.Plan) (found []string) {
	for _, required := range plan.Required(challenge.DefaultLimits) {
		least, median, most := figures(verdicts, required.Name)
		if required.Figure = median; !math.IsNaN(median) && !required.Passed() {
			found = append(found, fmt.Sprintf("%s %.3g (%.3g to %.3g), required %.3g", required.Name, median, least, most, required.Limit))
		}
	}
	return found
}

// figures are the least, the median and the greatest of one finding's, NaN where nobody has it.
func figures(verdicts []challenge.Verdict, name string) (least, median, most float64) {
	var all []float64
	for _, v := range verdicts {
		for _, f := range v.Findings {
			if f.Name == name {
				all = append(all, f.Figure)
			}
		}
	}
	if len(all) == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	slices.Sort(all)
	return all[0], all[len(all)/2], all[len(all)-1]
}

// together is about two edges that say they are two machines, and are one GPU, which draws for each by turns when both are asked.
func together(t *testing.T, own *recording) {
	for _, w := range ways {
		verdict := func(seed uint64, change func(r *run) *run) challenge.Verdict {
			s, look := sighted(t, nil)
			own.replayed(t, change(honest(seed, planned(4*time.Second), w)).carried(), seed, look)
			return s.last
		}
		self := func(r *run) *run { return r }
		alone := verdict(1, self)
		both := verdict(1, func(r *run) *run { return r.changed(func(n int, _ *shot, _ []shot) bool { return n%2 == 0 }) })
		shared := challenge.Together(alone, both, challenge.DefaultLimits)
		t.Logf("%s: %v", w.name, shared)
		if shared.Passed() {
			t.Errorf("%s: one GPU passes for two", w.name)
		}
		if again := challenge.Together(alone, verdict(2, self), challenge.DefaultLimits); !again.Passed() {
			t.Errorf("%s: a machine of its own fails: %v", w.name, again)
		}
	}
}
