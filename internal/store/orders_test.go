package store

import (
	"reflect"
	"testing"
	"time"

	"nearlight/signaling"
)

func order(kind OrderKind, target string, at time.Time, until time.Time) Impose {
	return Impose{
		Order: Order{Kind: kind, Target: target, Reason: "why", Actor: "ada", At: at, Until: until},
		Act:   Act{ID: "act-" + string(kind) + target + at.Format("150405"), Kind: Banned, Actor: "ada", Detail: "why", At: at},
	}
}

func TestTheNewestOrderCountsAndEachIsInTheAuditLog(t *testing.T) {
	onEach(t, func(t *testing.T, database string) {
		s := opened(t, Config{Database: database})
		first := order(BanKey, "k-1", epoch, time.Time{})
		lifted := order(BanKey, "k-1", epoch.Add(time.Minute), epoch.Add(time.Minute))
		other := order(DrainEdge, "e-1", epoch, epoch.Add(time.Hour))
		wrote(t, s, first, lifted, other, first) // the first comes late once more
		got, err := s.Orders(t.Context())
		if err != nil || len(got) != 2 {
			t.Fatalf("%+v %v", got, err)
		}
		if ban := got[0]; ban.Kind != BanKey || !ban.At.Equal(lifted.Order.At) || !ban.Over(epoch.Add(time.Minute)) || ban.Over(epoch) {
			t.Errorf("%+v", ban)
		}
		if drain := got[1]; drain.Target != "e-1" || drain.Over(epoch.Add(59*time.Minute)) || !drain.Over(epoch.Add(time.Hour)) || drain.Reason != "why" {
			t.Errorf("%+v", drain)
		}
		acts, err := s.Acts(t.Context(), ActQuery{})
		if err != nil || len(acts) != 3 {
			t.Errorf("%+v %v", acts, err)
		}
	})
}

func TestAnOrderThatIsOverIsPurgedAndOneThatHoldsIsNot(t *testing.T) {
	onEach(t, func(t *testing.T, database string) {
		now := epoch
		s := opened(t, Config{Database: database, Now: func() time.Time { return now }})
		wrote(t, s, order(BanKey, "k-1", epoch, epoch.Add(time.Hour)), order(BanKey, "k-2", epoch, time.Time{}))
		now = epoch.Add(time.Hour + keptOrders + time.Second)
		if purged, err := s.Purge(t.Context()); err != nil || purged.Orders != 1 {
			t.Errorf("%+v %v", purged, err)
		}
		if got, err := s.Orders(t.Context()); err != nil || len(got) != 1 || got[0].Target != "k-2" {
			t.Errorf("%+v %v", got, err)
		}
	})
}

func TestASessionIsAssessedAnewUntilAllIsKnownAndAfterItsEnd(t *testing.T) {
	onEach(t, func(t *testing.T, database string) {
		s := opened(t, Config{Database: database})
		wrote(t, s, game("s-1", "ada")...)
		wrote(t, s, End{Session: "s-1", Code: signaling.CodeLeft, Quality: &Quality{FramesPerSecond: 30}, At: epoch.Add(time.Minute)})
		want := Quality{FramesPerSecond: 59, RoundTripP50MS: 12}
		wrote(t, s, Assess{Session: "s-1", Quality: want})
		got, _, err := s.Session(t.Context(), "s-1")
		if err != nil || got.Quality == nil || *got.Quality != want || got.Code != signaling.CodeLeft {
			t.Errorf("%+v %v", got, err)
		}
	})
}

func TestASessionIsOpenUntilNobodyWasServedForAWhile(t *testing.T) {
	onEach(t, func(t *testing.T, database string) {
		s := opened(t, Config{Database: database})
		wrote(t, s, game("s-played", "ada")...)
		wrote(t, s, game("s-never", "bob")...)
		wrote(t, s, game("s-ended", "eve")...)
		wrote(t, s, receipt("s-played", 0, 50), receipt("s-played", 60, 100), receipt("s-ended", 0, 5), End{Session: "s-ended", Code: signaling.CodeLeft, At: epoch})
		for _, step := range []struct {
			after time.Duration
			want  map[signaling.SessionID]time.Duration
		}{
			{-time.Second, map[signaling.SessionID]time.Duration{}},
			{0, map[signaling.SessionID]time.Duration{"s-never": 0}},
			{99 * time.Second, map[signaling.SessionID]time.Duration{"s-never": 0}},
			{100 * time.Second, map[signaling.SessionID]time.Duration{"s-never": 0, "s-played": 100 * time.Second}},
		} {
			open, err := s.Unended(t.Context(), epoch.Add(step.after))
			if err != nil {
				t.Fatal(err)
			}
			got := make(map[signaling.SessionID]time.Duration)
			for _, one := range open {
				got[one.ID] = one.Used.Sub(epoch)
			}
			if !reflect.DeepEqual(got, step.want) {
				t.Errorf("after %v: %v, want %v", step.after, got, step.want)
			}
		}
	})
}
