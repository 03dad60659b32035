package exam

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"nearlight/checker/challenge"
	"nearlight/checker/committee"
	"nearlight/checker/epoch"
	"nearlight/checker/life"
	"nearlight/checker/vrf"
	"nearlight/internal/identity"
)

var pair = []identity.Address{{1}, {2}}

// setTogether is a task of an occasion that lasts for so long.
func setTogether(t *testing.T, r Requirements, edge identity.Address, lasts time.Duration) epoch.Task {
	t.Helper()
	at := epoch.Millis(1_000_000)
	task, err := r.Together(life.Capacity, edge, pair, Round{Number: 7, At: at + 4000}, Instants{At: at, CommitBy: at + 4000 + millis(lasts), RevealBy: at + 4000 + millis(lasts) + 30_000})
	if err != nil {
		t.Fatal(err)
	}
	return task
}

func TestAnOccasionIsOneThatALogTakesAndACheckerCanCarryOut(t *testing.T) {
	for name, r := range map[string]Requirements{"on a GPU": OnGPU, "on a processor": OnProcessor} {
		task := setTogether(t, r, pair[1], r.Occasion(2, 8))
		line, err := epoch.Entry{Task: &task}.Encode()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := epoch.Decode(line); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		both, err := Challenge(task)
		if err != nil {
			t.Fatal(err)
		}
		alone, err := Alone(task)
		if err != nil || alone.Task != both.Task || alone.Size != both.Size || alone.FrameRate != both.FrameRate {
			t.Errorf("%s: alone %+v, together %+v, %v", name, alone, both, err)
		}
		if got := windows(task); got != 8 {
			t.Errorf("%s: %d windows", name, got)
		}
	}
	if _, err := OnGPU.Together(life.Experience, pair[0], pair, Round{}, Instants{At: 1, CommitBy: 2, RevealBy: 3}); !errors.Is(err, ErrCheck) {
		t.Errorf("to look on together: %v", err)
	}
}

// Half of the frames at once, where all came before, is beyond every limit; what chance does is not.
func TestWhatIsSharedIsBeyondItsLimit(t *testing.T) {
	for name, r := range map[string]Requirements{"on a GPU": OnGPU, "on a processor": OnProcessor} {
		task := setTogether(t, r, pair[0], r.Occasion(2, 8))
		question := task.Questions[len(task.Questions)-1]
		if question.Name != challenge.Shared || question.AtMost == nil {
			t.Fatalf("%s: the last question is %+v", name, question)
		}
		frames := func(length epoch.Millis) int { return int(length) * task.Plan.FrameRate / 1000 }
		found := func(before, after float64) Found {
			of, all := frames(task.Together.Alone), frames(task.Plan.Length)
			return Found{Served: true, Alone: &challenge.Verdict{Frames: of, Met: int(before * float64(of))}, Challenge: &challenge.Verdict{Frames: all, Met: int(after * float64(all))}}
		}
		for _, row := range []struct {
			before, after float64
			passes        bool
		}{{1, 1, true}, {1, 0.98, true}, {0.98, 1, true}, {1, 0.5, false}, {0.98, 0.49, false}} {
			answer, err := found(row.before, row.after).answer(question)
			if err != nil || question.Passes(answer) != row.passes {
				t.Errorf("%s: %v of the frames, then %v: %v, at most %v, %v", name, row.before, row.after, answer.Figure, *question.AtMost, err)
			}
		}
		if _, err := (Found{Served: true, Challenge: &challenge.Verdict{}}).answer(question); err == nil {
			t.Errorf("%s: it was never asked alone, and there is an answer", name)
		}
		if a, err := (Found{}).answer(question); err != nil || a != (epoch.Answer{}) {
			t.Errorf("%s: it did not serve: %+v, %v", name, a, err)
		}
	}
}

func TestTheTasksOfAnOccasionAreDrawnAtOnce(t *testing.T) {
	one, other := setTogether(t, OnGPU, pair[0], 25*time.Minute), setTogether(t, OnGPU, pair[1], 25*time.Minute)
	first, err := one.Draw(5, epoch.Hash{8})
	if err != nil {
		t.Fatal(err)
	}
	second, err := other.Draw(5, epoch.Hash{8})
	if err != nil || first.Task == second.Task || !bytes.Equal(first.Input(), second.Input()) {
		t.Errorf("drawn by %x and %x, %v", first.Input(), second.Input(), err)
	}
	later := other
	later.At++
	third, err := later.Draw(5, epoch.Hash{8})
	if err != nil || bytes.Equal(second.Input(), third.Input()) {
		t.Errorf("another occasion is drawn by the same, %v", err)
	}
	var output vrf.Output
	for n := range 1000 {
		binary.BigEndian.PutUint64(output[vrf.OutputSize-8:], uint64(n)*math.MaxUint64/1000)
		at := Moment(one, output)
		if at != Moment(other, output) {
			t.Fatal("the tasks of an occasion are measured at two moments")
		}
		if after := at - one.DrawnAt - millis(lead); after < 0 || after%one.Together.Window != 0 || at > Latest(one) {
			t.Fatalf("a moment %d ms after the first window", after)
		}
	}
	for now := one.At - 5000; now < one.CommitBy+5000; now += 777 {
		if at, is := Later(one, now, rand.Uint64()); is && (at <= now || at > Latest(one) || (at-one.DrawnAt-millis(lead))%one.Together.Window != 0) || !is && now < Latest(one)-one.Together.Window {
			t.Fatalf("after %d the next is %d, %t", now-one.At, at-one.At, is)
		}
	}
}

func TestOverlapIsOfAllOfThem(t *testing.T) {
	task := setTogether(t, OnGPU, pair[0], 25*time.Minute)
	begin := time.Unix(1_800_000_000, 0)
	found := func(late, early time.Duration) Found {
		return Found{Served: true, Challenge: &challenge.Verdict{}, From: begin.Add(late), Until: begin.Add(OnGPU.Length - early)}
	}
	for _, row := range []struct {
		found  []Found
		want   bool
		reason string
	}{
		{[]Found{found(0, 0), found(0, 0)}, true, "at once"},
		{[]Found{found(0, 0), found(900*time.Millisecond, 0)}, true, "nine parts of ten"},
		{[]Found{found(600*time.Millisecond, 0), found(0, 600*time.Millisecond)}, false, "each for long enough, both not"},
		{[]Found{found(0, 0), found(OnGPU.Length, -OnGPU.Length)}, false, "one after the other"},
		{[]Found{found(0, 0), {}}, false, "one did not serve"},
		{[]Found{found(0, 0), {Served: true}}, false, "one was not challenged"},
		{nil, false, "nobody"},
	} {
		if got := Simultaneous(task, row.found); got != row.want {
			t.Errorf("%s: %t", row.reason, got)
		}
	}
}

// A stated committee has room in an occasion of two edges with one slot each: who finds it taken tries another window.
func TestAStatedCommitteeHasRoom(t *testing.T) {
	const runs = 4000
	size, err := committee.SizeFor(committee.Stated)
	if err != nil {
		t.Fatal(err)
	}
	task := setTogether(t, OnGPU, pair[0], 25*time.Minute)
	random := rand.New(rand.NewPCG(1, 2))
	few, reports := 0, 0
	for range runs {
		at := make(map[epoch.Millis]int)
		for range poisson(random, float64(size.Seats)) {
			var output vrf.Output
			binary.BigEndian.PutUint64(output[vrf.OutputSize-8:], random.Uint64())
			at[Moment(task, output)]++
		}
		done := 0
		for number := range windows(task) {
			now := window(task, number)
			for who := range at[now] {
				if who == 0 {
					done++
				} else if next, is := Later(task, now, random.Uint64()); is {
					at[next]++
				}
			}
		}
		if reports += done; done < size.Minimum {
			few++
		}
	}
	t.Logf("%d windows; %.1f of %d report on average, too few in %.2f %%", windows(task), float64(reports)/runs, size.Seats, 100*float64(few)/runs)
	if few > runs/100 {
		t.Errorf("too few in %d of %d", few, runs)
	}
}

func poisson(random *rand.Rand, mean float64) (n int) {
	for left := math.Exp(-mean); ; n++ {
		if left = left / random.Float64(); left > 1 { // by Knuth's products, the other way round
			return n
		}
	}
}
