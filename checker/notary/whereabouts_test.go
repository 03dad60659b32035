package notary

import (
	"slices"
	"testing"
	"time"

	"nearlight/checker/epoch"
	"nearlight/internal/identity"
)

var (
	here     = epoch.Claim{Place: epoch.Place{Latitude: 50.1, Longitude: 8.7}}
	there    = epoch.Claim{Place: epoch.Place{Latitude: 35.7, Longitude: 139.7}}
	borneOut = epoch.Located{Claim: here, At: 5, Reports: 4, Liars: 1, Consistency: epoch.Consistent}
	refuted  = epoch.Located{Claim: there, At: 5, Reports: 4, Liars: 1, Excluding: 3, Impossible: true, Beyond: 700}
)

func TestWhatIsKnownOfAPlaceFollowsWhatIsClaimedNow(t *testing.T) {
	vague := borneOut
	vague.Consistency--
	for why, row := range map[string]struct {
		found *epoch.Located
		claim *epoch.Claim
		want  Whereabouts
	}{
		"nothing":                               {nil, nil, Unsaid},
		"nobody has looked":                     {nil, &here, Unsaid},
		"it is as usual there":                  {&borneOut, &here, Consistent},
		"it may be there, and is not as usual":  {&vague, &here, Unsaid},
		"it claims something else now":          {&borneOut, &there, Unsaid},
		"it claims nothing any more":            {&borneOut, nil, Unsaid},
		"it cannot be there":                    {&refuted, &there, Impossible},
		"nobody has looked at its latest claim": {&refuted, &here, Impossible},
		"it cannot be, and claims nothing":      {&refuted, nil, Impossible},
	} {
		if got := whereabouts(row.found, row.claim); got != row.want {
			t.Errorf("%s: %d, want %d", why, got, row.want)
		}
	}
}

func TestANotaryKeepsWhatIsKnownOfAPlaceAndTellsOfChanges(t *testing.T) {
	o := newOffice(t)
	claim := &here
	var told []identity.Address
	o.config.Present = func() []Presence { return []Presence{{Edge: o.edge, Free: 1, Claim: claim}} }
	o.config.Changed = func(edge identity.Address) { told = append(told, edge) }
	o.reopen()
	o.check(true)
	if got := o.notary.Summary().Edges[0]; got.Claim == nil || *got.Claim != here || got.Located != nil || o.notary.Whereabouts(o.edge) != Unsaid {
		t.Errorf("before anybody could say: %+v", got)
	}
	o.notary.edges[o.edge].located = &borneOut // as by the epoch before
	for o.notary.number == 1 {
		o.tick(time.Minute)
	}
	o.tick(time.Second)
	if got := o.notary.Whereabouts(o.edge); got != Unsaid { // the log, which counts, knows of none
		t.Errorf("by no log it is %d", got)
	}
	o.notary.edges[o.edge].located = &borneOut
	told = nil
	claim = &there
	o.tick(time.Second)
	if got := o.notary.Whereabouts(o.edge); got != Unsaid || !slices.Contains(told, o.edge) {
		t.Errorf("when it claims something else it is %d, and %v were told of", got, told)
	}
	claim = &here
	o.tick(time.Second)
	known, is := o.notary.Edge(o.edge)
	if got := o.notary.Whereabouts(o.edge); got != Consistent || !is || known.Located == nil || *known.Located != borneOut || *known.Claim != here {
		t.Errorf("when it claims that again it is %d, %+v", got, known)
	}
	state, matching := o.notary.Standing(o.edge)
	o.notary.edges[o.edge].located = &refuted
	if got, m := o.notary.Standing(o.edge); o.notary.Whereabouts(o.edge) != Impossible || got != state || m != matching {
		t.Errorf("where it cannot be it is %v, %+v, and was %v, %+v", got, m, state, matching)
	}
	if got := o.notary.Whereabouts(identity.Address{9}); got != Unsaid {
		t.Errorf("of a stranger %d is known", got)
	}
}
