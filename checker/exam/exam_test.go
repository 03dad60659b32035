package exam

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"nearlight/checker/challenge"
	"nearlight/checker/epoch"
	"nearlight/checker/latency"
	"nearlight/checker/life"
	"nearlight/checker/vrf"
	"nearlight/internal/identity"
)

func set(t *testing.T, r Requirements, check life.Check) epoch.Task {
	t.Helper()
	task, err := r.Task(check, identity.Address{1}, Round{Number: 7, At: 1_004_000}, Instants{At: 1_000_000, CommitBy: 1_540_000, RevealBy: 1_570_000})
	if err != nil {
		t.Fatal(err)
	}
	return task
}

func TestATaskIsOneThatALogTakesAndACheckerCanCarryOut(t *testing.T) {
	for name, r := range map[string]Requirements{"on a GPU": OnGPU, "on a processor": OnProcessor} {
		for _, check := range []life.Check{life.Enrolment, life.Capacity, life.Experience} {
			task := set(t, r, check)
			line, err := epoch.Entry{Task: &task}.Encode()
			if err != nil {
				t.Fatalf("%s, %s: %v", name, check, err)
			}
			if _, err := epoch.Decode(line); err != nil {
				t.Errorf("%s, %s: %v", name, check, err)
			}
			plan, err := Challenge(task)
			if err != nil || (plan != nil) != (check != life.Experience) {
				t.Errorf("%s, %s: a challenge %+v, %v", name, check, plan, err)
			}
		}
	}
	if _, err := OnGPU.Task(life.Alive, identity.Address{}, Round{}, Instants{}); !errors.Is(err, ErrCheck) {
		t.Errorf("a committee for what heartbeats show: %v", err)
	}
}

func TestASeedIsOfEverythingThatMakesATaskAnother(t *testing.T) {
	seeds := make(map[epoch.Hash]string)
	for what, one := range map[string]epoch.Hash{
		"as it is":      seed(life.Enrolment, identity.Address{1}, 2, 3),
		"another check": seed(life.Capacity, identity.Address{1}, 2, 3),
		"another edge":  seed(life.Enrolment, identity.Address{2}, 2, 3),
		"another round": seed(life.Enrolment, identity.Address{1}, 3, 3),
		"another time":  seed(life.Enrolment, identity.Address{1}, 2, 4),
	} {
		if other, is := seeds[one]; is {
			t.Errorf("%s and %s have one seed", what, other)
		}
		seeds[one] = what
	}
}

func TestAnswersAreThoseOfWhatWasFound(t *testing.T) {
	challenged := Found{Served: true, Challenge: &challenge.Verdict{Findings: []challenge.Finding{{Name: challenge.Delay, Figure: 10.123456}, {Name: challenge.Wrong, Figure: 0.01}}}}
	watched := Found{
		Served: true, RoundTrip: 20 * time.Millisecond, Upscaled: 0.25,
		Latency: latency.Report{FirstTime: 900 * time.Millisecond, Kept: 0.98, Frozen: time.Second, Watched: 10 * time.Second},
	}
	for _, row := range []struct {
		check    life.Check
		found    Found
		question string
		want     epoch.Answer
		reason   string
	}{
		{life.Enrolment, challenged, Served, epoch.Answer{Yes: true}, "it served"},
		{life.Enrolment, challenged, challenge.Delay, epoch.Answer{Figure: 10.1235}, "to four digits"},
		{life.Enrolment, challenged, challenge.Detail, epoch.Answer{Figure: OnGPU.Limits.Detail - 1}, "too little came to measure it"},
		{life.Enrolment, Found{}, Served, epoch.Answer{}, "it did not serve"},
		{life.Enrolment, Found{}, challenge.Delay, epoch.Answer{}, "nothing was measured"},
		{life.Experience, watched, FirstFrame, epoch.Answer{Figure: 900, Vantage: 20}, "the checker's own way is told apart"},
		{life.Experience, watched, Kept, epoch.Answer{Figure: 0.98}, ""},
		{life.Experience, watched, Frozen, epoch.Answer{Figure: 0.1}, "of the time that was watched"},
		{life.Experience, Found{Served: true}, Frozen, epoch.Answer{Figure: 1}, "one picture, which stood"},
		{life.Experience, watched, Upscaled, epoch.Answer{Figure: 0.25}, ""},
	} {
		task := set(t, OnGPU, row.check)
		answers, err := Answers(task, row.found)
		if err != nil {
			t.Fatal(err)
		}
		for i, q := range task.Questions {
			if q.Name == row.question && answers[i] != row.want {
				t.Errorf("%s, %s: %+v, want %+v (%s)", row.check, row.question, answers[i], row.want, row.reason)
			}
		}
	}
	strange := epoch.Task{Questions: []epoch.Question{{Name: "colour", Kind: "measured"}}}
	for _, found := range []Found{challenged, watched} {
		if _, err := Answers(strange, found); err == nil {
			t.Error("a question that nobody knows was answered")
		}
	}
}

// What too little came for has to fail, whatever the limit is.
func TestTheWorstFigureFails(t *testing.T) {
	for _, check := range []life.Check{life.Enrolment, life.Experience} {
		for _, q := range set(t, OnProcessor, check).Questions[1:] {
			figure := worst(q)
			if q.AtLeast != nil && figure >= *q.AtLeast || q.AtMost != nil && figure <= *q.AtMost {
				t.Errorf("%s: %v passes", q.Name, figure)
			}
		}
	}
}

func TestMomentsOfThoseWhoAreDrawnLieAllOverTheTime(t *testing.T) {
	const outputs, parts = 9_000, 9
	task := set(t, OnGPU, life.Capacity)
	room := task.CommitBy - task.At - spare(task)
	var count [parts]int
	for n := range outputs {
		var output vrf.Output
		// The first half small, as of those who are drawn.
		copy(output[vrf.OutputSize/2:], fmt.Appendf(nil, "%032d", n*7919))
		for i := vrf.OutputSize - 8; i < vrf.OutputSize; i++ {
			output[i] = byte((n*2654435761 + i*40503) >> (i % 7))
		}
		at := Moment(task, output)
		if at < task.At || at >= task.At+room {
			t.Fatalf("at %d, of a task from %d with room for %d", at, task.At, room)
		}
		count[min(int((at-task.At)*parts/room), parts-1)]++
	}
	for part, n := range count {
		if n < 700 || n > 1300 {
			t.Errorf("%d of %d in part %d", n, outputs, part)
		}
	}
	var last vrf.Output
	for i := range last {
		last[i] = 0xff
	}
	if got := Moment(task, last); got != task.At+room-1 {
		t.Errorf("the last moment is %d", got)
	}
	if Latest(task) <= task.At+room || Latest(task) >= task.CommitBy {
		t.Errorf("a visit begins until %d", Latest(task))
	}
}
