package life

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"nearlight/checker/epoch"
	"nearlight/internal/identity"
)

const check1 = 1_000_000 // the weight of a check in a standing

func TestWhatAScoreCountsForIsWhatIsKnown(t *testing.T) {
	rows := []struct {
		reason     string
		standing   epoch.Standing
		at         epoch.Millis
		score      int
		confidence int
		share      int
	}{
		{"of nobody nothing is known", epoch.Standing{}, 0, 500, 0, NewcomerShare},
		{"four checks are a newcomer's", epoch.Standing{Passed: 4 * check1}, 0, 611, 333, NewcomerShare},
		{"with eight passed half is known", epoch.Standing{Passed: 8 * check1}, 0, 700, 500, Whole},
		{"with eight failed as well", epoch.Standing{Failed: 8 * check1}, 0, 300, 500, Whole},
		{"four of each are as good as nothing", epoch.Standing{Passed: 4 * check1, Failed: 4 * check1}, 0, 500, 500, Whole},
		{"a hundred passed", epoch.Standing{Passed: 100 * check1}, 0, 953, 925, Whole},
		{"a thousand passed", epoch.Standing{Passed: 1000 * check1}, 0, 995, 992, Whole},
		{"a hundred failed", epoch.Standing{Failed: 100 * check1}, 0, 46, 925, Whole},
		{"a week later it is half as much", epoch.Standing{Passed: 16 * check1}, 7 * day, 699, 499, Whole},
		{"two months later nothing", epoch.Standing{Passed: 100 * check1}, 60 * day, 501, 31, NewcomerShare},
	}
	l := standby(t)
	for _, row := range rows {
		got := l.Matching(row.standing, row.at)
		if want := (Matching{Players: true, Share: row.share, Score: row.score, Confidence: row.confidence}); got != want {
			t.Errorf("%s: %+v, want %+v", row.reason, got, want)
		}
	}
}

func TestMoreThatIsPassedIsNeverWorse(t *testing.T) {
	l := standby(t)
	rapid.Check(t, func(t *rapid.T) {
		weight := rapid.Int64Range(0, 1_000_000*check1)
		s := epoch.Standing{Passed: weight.Draw(t, "passed"), Failed: weight.Draw(t, "failed")}
		before, passed, failed := l.Matching(s, 0), l.Matching(s.After(true, 0), 0), l.Matching(s.After(false, 0), 0)
		if passed.Score < before.Score-1 || failed.Score > before.Score+1 || before.Score < 0 || before.Score > Whole || before.Confidence < 0 || before.Confidence >= Whole {
			t.Fatalf("%+v; one more passed %+v, one more failed %+v", before, passed, failed)
		}
	})
}

func TestANoticeSaysWhatWasMeasuredWhatIsRequiredAndHowToRetest(t *testing.T) {
	verdict := epoch.Verdict{Edge: identity.Address{0xed}, Check: "experience", Result: epoch.Failed, Findings: []epoch.Finding{
		{Question: "latency", Decided: true, Figure: 83.5, Counted: 31, Required: "at most 60"},
		{Question: "drew it", Decided: true, Met: true, For: 30, Against: 1, Counted: 31, Required: "yes"},
		{Question: "rate", Decided: true, For: 3, Against: 28, Counted: 31, Required: "60 within 2"},
	}}
	l := after(t, standby(t), now(standby(t), just(Began)))
	l = after(t, l, now(l, one(Experience, 51)))
	got := strings.Split(l.Notice(verdict), "\n")
	want := []string{
		`The check "experience" of ` + verdict.Edge.String() + `: failed.`,
		`"latency": measured: 83.5 by 31; required: at most 60.`,
		`"rate": measured: 3 say yes, 28 no; required: 60 within 2.`,
		`It is checked again each minute while somebody plays; a check that is passed ends the doubt. If the verdict is wrong, appeal against it while it counts, within seven days: another committee checks once more, and then it stands.`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	verdict.Together = []identity.Address{{0xaa}, {0xed}}
	if got := strings.Split(l.Notice(verdict), "\n"); len(got) != len(want)+1 || !strings.Contains(got[3], "at the same time as ["+identity.Address{0xaa}.String()+"]:") {
		t.Errorf("of an edge that was asked with another: %q", got)
	}
	for result, says := range map[epoch.Result]string{epoch.Passed: "passed.", epoch.Undecided: "changes nothing."} {
		v := verdict
		v.Result = result
		if notice := l.Notice(v); strings.Contains(notice, "\n") || !strings.HasSuffix(notice, says) {
			t.Errorf("%s: %q", result, notice)
		}
	}
}

func TestEachStateSaysHowToRetest(t *testing.T) {
	rows := []struct {
		from  func(testing.TB) Life
		plays []play
		says  string
	}{
		{unknown, []play{{0, failed(Enrolment)}}, "from 1970-01-01 00:10:00 UTC on"},
		{newcomer, []play{{1, failed(Capacity)}}, "half an hour later on average"},
		{standby, jailed, `jailed until 1970-01-02 12:00:00 UTC, after 3 failed checks of "capacity"`},
		{standby, []play{{1, just(Drain)}}, "when it is back"},
		{standby, []play{{hour, missedFor(hour)}}, "when it is back"},
		{standby, []play{{day, missedFor(day)}}, "enrolled anew"},
		{standby, []play{{1, just(Leave)}}, "enrolled anew"},
		{standby, []play{{1, just(Revoke)}}, "enrol another one"},
	}
	for _, row := range rows {
		l := row.from(t)
		for i, p := range row.plays {
			l = after(t, l, p.at(l, i))
		}
		if got := l.Again(Capacity); !strings.Contains(got, row.says) {
			t.Errorf("%v: %q, want %q", l.State, got, row.says)
		}
	}
}
