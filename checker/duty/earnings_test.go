package duty

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"nearlight/checker/epoch"
	"nearlight/internal/identity"
)

func TestWhatACheckerHasEarnedIsRecomputedFromTheLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, checkers := newNetwork(t, 3)
		n.config.Terms = &epoch.Terms{Currency: "EUR-cent", Fee: 100}
		checkers[2].conduct = func(*epoch.Report) bool { return false } // it keeps silent
		n.open()
		for _, c := range checkers {
			n.start(c)
		}
		time.Sleep(8 * time.Hour)
		client := &http.Client{Transport: n.wire}
		earned, err := Earnings(t.Context(), "http://notary", client, checkers[0].key.Address(), 100)
		if err != nil {
			t.Fatal(err)
		}
		if len(earned) < 3 || earned[0].Epoch != 1 || !earned[0].Sealed || earned[len(earned)-1].Sealed {
			t.Fatalf("%+v", earned)
		}
		total := uint64(0)
		for i, e := range earned {
			if e.Epoch != uint64(i+1) || e.Wrong > 0 || e.Terms == nil || e.Terms.Currency != "EUR-cent" {
				t.Errorf("%+v", e)
			}
			if total += e.Score.Amount; e.Score.Earned != total {
				t.Errorf("by epoch %d it has %d in all, and %d by epochs", e.Epoch, e.Score.Earned, total)
			}
		}
		if total == 0 {
			t.Error("it has earned nothing")
		}
		silent, err := Earnings(t.Context(), "http://notary", client, checkers[2].key.Address(), 2)
		if err != nil || len(silent) != 2 || silent[1].Epoch != earned[len(earned)-1].Epoch || silent[1].Score.Earned != 0 {
			t.Errorf("who kept silent has %+v, %v", silent, err)
		}
		stranger, err := Earnings(t.Context(), "http://notary", client, identity.Address{1}, 1)
		if err != nil || len(stranger) != 1 || stranger[0].Score != (epoch.Score{}) {
			t.Errorf("a stranger has %+v, %v", stranger, err)
		}
		for _, c := range checkers {
			c.stop()
		}
		n.stop()
	})
}
