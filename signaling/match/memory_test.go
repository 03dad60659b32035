package match_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nearlight/signaling"
	"nearlight/signaling/match"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// trips are measurements of edges, made by one player at once; 0 for one that does not answer.
func trips(of map[signaling.EdgeID]float64) (list []match.Measured) {
	for id, ms := range of {
		list = append(list, match.Measured{Candidate: match.Candidate{Edge: id}, Link: match.Measure([]float64{ms}, 0)})
	}
	return list
}

func TestANetworkRemembersItsBestEdges(t *testing.T) {
	m := match.NewMemory(match.MemoryConfig{Edges: 3})
	home, office := match.NetworkKey{1}, match.NetworkKey{2}
	m.Note(epoch, home, trips(map[signaling.EdgeID]float64{"a": 10, "b": 20, "c": 30}))
	m.Note(epoch, office, trips(map[signaling.EdgeID]float64{"z": 5}))
	if got := m.Good(epoch, home, nil); !slices.Equal(got, []signaling.EdgeID{"a", "b", "c"}) {
		t.Error(got)
	}
	// From the same network over a bad wireless link: what counts is which edge is better than which.
	m.Note(epoch, home, trips(map[signaling.EdgeID]float64{"a": 50, "worse": 95, "better": 55}))
	if got := m.Good(epoch, home, nil); !slices.Equal(got, []signaling.EdgeID{"a", "better", "b"}) {
		t.Errorf("the worst did not make room for a better one: %v", got)
	}
	m.Note(epoch, home, trips(map[signaling.EdgeID]float64{"a": 0, "unheard of": 0}))
	if got := m.Good(epoch, home, nil); !slices.Equal(got, []signaling.EdgeID{"better", "b"}) {
		t.Errorf("an edge that does not answer is remembered: %v", got)
	}
	m.Note(epoch, match.NetworkKey{3}, trips(map[signaling.EdgeID]float64{"a": 0}))
	if m.Len() != 2 {
		t.Error("a network is remembered from which nothing answered")
	}
}

func TestWhatWasMeasuredLatelyCountsMore(t *testing.T) {
	m := match.NewMemory(match.MemoryConfig{HalfLife: time.Hour, Expiry: 100 * time.Hour})
	key := match.NetworkKey{}
	for range 10 {
		m.Note(epoch, key, trips(map[signaling.EdgeID]float64{"was good": 10, "steady": 25}))
	}
	m.Note(epoch, key, trips(map[signaling.EdgeID]float64{"was good": 60, "steady": 25}))
	if got := m.Good(epoch, key, nil); got[0] != "was good" {
		t.Errorf("one bad measurement against ten decided: %v", got)
	}
	late := epoch.Add(5 * time.Hour) // the eleven are worth a third of one by now
	m.Note(late, key, trips(map[signaling.EdgeID]float64{"was good": 60, "steady": 25}))
	if got := m.Good(late, key, nil); got[0] != "steady" {
		t.Errorf("five half-lives later the old ones still decide: %v", got)
	}
}

func TestMemoryIsBoundedAndExpires(t *testing.T) {
	m := match.NewMemory(match.MemoryConfig{Networks: 10, Edges: 2, Expiry: time.Hour})
	for i := range 100 {
		for j := range 5 {
			m.Note(epoch, match.NetworkKey{byte(i)}, trips(map[signaling.EdgeID]float64{signaling.EdgeID(fmt.Sprint(j)): float64(10 + j)}))
		}
		m.Good(epoch, match.NetworkKey{0}, nil) // asked for each time, so that it stays
	}
	if m.Len() != 10 {
		t.Errorf("%d networks, want 10", m.Len())
	}
	if got := m.Good(epoch, match.NetworkKey{0}, nil); len(got) != 2 {
		t.Errorf("the network that is in use: %v", got)
	}
	if got := m.Good(epoch, match.NetworkKey{50}, nil); got != nil {
		t.Errorf("a network that made room is known: %v", got)
	}
	if got := m.Good(epoch.Add(time.Hour), match.NetworkKey{99}, nil); got != nil || m.Len() != 9 {
		t.Errorf("after its expiry: %v, %d networks", got, m.Len())
	}
}

// Any calls, with a clock that goes either way: the bounds hold, and what is good has been noted and is in order.
func TestMemoryTakesAnyCalls(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		config := match.MemoryConfig{Networks: rapid.IntRange(-1, 3).Draw(t, "networks"), Edges: rapid.IntRange(0, 3).Draw(t, "edges"), HalfLife: time.Hour}
		m, noted := match.NewMemory(config), map[match.NetworkKey]map[signaling.EdgeID]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "calls") {
			key := match.NetworkKey{byte(rapid.IntRange(0, 5).Draw(t, "key"))}
			now := epoch.Add(time.Duration(rapid.Int64().Draw(t, "now")))
			if list := lists.Draw(t, "list"); rapid.Bool().Draw(t, "note") {
				m.Note(now, key, list)
				for _, c := range list {
					if noted[key] == nil {
						noted[key] = map[signaling.EdgeID]bool{}
					}
					noted[key][c.Edge] = true
				}
			}
			good := m.Good(now, key, nil)
			for _, id := range good {
				if !noted[key][id] {
					t.Fatalf("%s was never noted", id)
				}
			}
			if config.Networks > 0 && m.Len() > config.Networks || config.Edges > 0 && len(good) > config.Edges {
				t.Fatal("the bounds do not hold")
			}
		}
	})
}
