package placement

import (
	"testing"
	"time"

	"nearlight/signaling/match"
)

func TestNothingBetweenHostsIsFasterThanLight(t *testing.T) {
	const n = 300
	h, again := NewHosts(n, 5), NewHosts(n, 5)
	var longest match.Kilometres
	for from := range n {
		for to := range n {
			if from == to {
				continue
			}
			distance := match.Distance(h.Place(from), h.Place(to))
			trip := h.RoundTrip(from, to, 3)
			if least := time.Duration(distance / light * match.Kilometres(time.Millisecond)); trip < least {
				t.Errorf("%d and %d, %v km apart: %v, and light takes %v", from, to, distance, trip, least)
			}
			if same := again.RoundTrip(from, to, 3); same != trip {
				t.Fatalf("%d and %d: %v, and %v by the same seed", from, to, trip, same)
			}
			longest = max(longest, distance)
		}
	}
	if longest < 10_000 {
		t.Errorf("no two hosts are further apart than %v km", longest)
	}
}
