package life

import (
	"strings"
	"testing"

	"nearlight/checker/epoch"
)

func TestAnOwnerReadsHowACheckIsDoneAgainAndHowFarAnAppealIs(t *testing.T) {
	l := standby(t)
	failed := epoch.Hash{0xfa}
	at := l.At + hour
	l = after(t, l, Event{At: at, What: Decided, Task: failed, Check: Capacity, Result: epoch.Failed, Set: at})
	says := func(at epoch.Millis, want string) {
		t.Helper()
		if got := l.Remedy(failed, Capacity, at); !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	says(at, "appeal against it")
	if f, counts := l.Failure(failed); !counts || f.AppealBy() != at+appealWithin || f.Appeal.String() != "never" {
		t.Errorf("%+v %t", f, counts)
	}
	if _, counts := l.Failure(epoch.Hash{}); counts {
		t.Error("outages, which have no task, are taken for one")
	}
	if got := l.Remedy(failed, Capacity, at+appealWithin+1); strings.Contains(got, "appeal") || !strings.Contains(got, "by itself") {
		t.Errorf("too late to appeal, it says %q", got)
	}
	l = after(t, l, Event{At: at, What: Appeal, Task: failed})
	says(at, "You have appealed")
	upheld := after(t, l, Event{At: at, What: Upheld, Task: failed})
	if f, _ := upheld.Failure(failed); f.AppealBy() != 0 || f.Appeal.String() != "done" {
		t.Errorf("%+v", f)
	}
	granted := after(t, l, Event{At: at, What: Granted, Task: failed})
	l = upheld
	says(at, "it stands")
	l = granted
	says(at, "counts no more")
}

func TestAnAnswerToAnAppealOffersNoOther(t *testing.T) {
	l := standby(t)
	for result, want := range map[epoch.Result]string{epoch.Passed: "taken back", epoch.Failed: "stands", epoch.Undecided: "once more"} {
		got := l.Answer(epoch.Verdict{Check: "capacity", Result: result, Findings: []epoch.Finding{{Question: "delay", Decided: true, Figure: 80, Counted: 3, Required: "at most 12"}}})
		if !strings.Contains(got, want) || strings.Contains(got, "seven days") || strings.Contains(got, "measured: 80") != (result == epoch.Failed) {
			t.Errorf("%s: %q", result, got)
		}
	}
}
