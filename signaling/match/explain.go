package match

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"nearlight/signaling"
)

// Explanation says of one match why this edge, and why not each other one.
type Explanation struct {
	Refused  *signaling.Error `json:"refused,omitempty"` // no edge met all demands
	Ranked   []Reason         `json:"ranked"`            // the shortlist, best first
	Edges    int              `json:"edges"`             // that are known, and of these:
	Eligible int              `json:"eligible"`          // met all demands
	Unmet    []Unmet          `json:"unmet"`             // did not meet a demand first, in the order in which demands are looked at
	Named    []Reason         `json:"named"`             // those that were asked for
}

// Unmet counts the edges of which a demand is the first that they do not meet.
type Unmet struct {
	Demand Demand `json:"demand"`
	Edges  int    `json:"edges"`
	Words  string `json:"words"`
}

// Reason says why one edge is where it is.
type Reason struct {
	Edge     signaling.EdgeID `json:"edge"`
	Place    int              `json:"place,omitempty"` // from 1; 0: not on the shortlist
	Vantage  *Vantage         `json:"vantage,omitempty"`
	Demand   *Demand          `json:"demand,omitempty"` // the first that it does not meet
	Required string           `json:"required,omitempty"`
	Shown    string           `json:"shown,omitempty"` // what it has instead
	Cost     Cost             `json:"cost,omitempty"`
	Terms    []Term           `json:"terms,omitempty"`
	// Score and Share are what checkers make of the edge, Share of Whole; 0 for one that is not known. Standing is what they say of it, where the caller knows.
	Score    Score  `json:"score,omitempty"`
	Share    int    `json:"share,omitempty"`
	Standing string `json:"standing,omitempty"`
	Words    string `json:"words"`
}

// Explain says why a request came to a ranking, an empty one for none, and what is with the edges named. It looks at every edge: it is for
// consoles and for players who ask, not for each match. The index is to be as it was then.
func (x *Index) Explain(request Request, ranked []Ranked, named ...signaling.EdgeID) Explanation {
	q := x.query(&request)
	explained := Explanation{Edges: x.Len()}
	counts, undrawn := map[Demand]int{}, 0
	for i := range x.entries {
		if e := &x.entries[i]; e.profile != nil {
			d := x.unmet(q, e)
			counts[d]++
			if d == 0 && !q.counts(e) {
				undrawn++
			}
		}
	}
	explained.Eligible = counts[0]
	if x.draw(q, q.lot, undrawn == counts[0]); !q.everyone {
		explained.Eligible -= undrawn
		counts[Drawn] = undrawn
	}
	for _, d := range append(slices.Clone(demands), Drawn) {
		if n := counts[d]; n > 0 {
			explained.Unmet = append(explained.Unmet, Unmet{d, n, fmt.Sprintf("%s: %s", edges(n), request.lacks(d))})
		}
	}
	if len(ranked) == 0 && counts[0] == 0 {
		explained.Refused = x.why(q)
	}
	for i := range ranked {
		explained.Ranked = append(explained.Ranked, ranked[i].reason(i, ranked))
	}
	for _, id := range named {
		explained.Named = append(explained.Named, x.reason(q, id, ranked))
	}
	return explained
}

func edges(n int) string {
	if n == 1 {
		return "1 edge"
	}
	return strconv.Itoa(n) + " edges"
}

// unmet is the first demand that an edge of the index does not meet, whether or not it lists the app.
func (x *Index) unmet(q *query, e *entry) Demand {
	m := e.met(q.app)
	if q.App != "" && q.app == nil {
		m.listed, m.installed = false, false
	}
	return q.unmet(&m)
}

// reason says what is with one edge, wherever it is.
func (x *Index) reason(q *query, id signaling.EdgeID, ranked []Ranked) Reason {
	for i := range ranked {
		if ranked[i].Edge == id {
			return ranked[i].reason(i, ranked)
		}
	}
	s, known := x.byID[id]
	if !known {
		return Reason{Edge: id, Words: fmt.Sprintf("%s is not known here.", id)}
	}
	e := &x.entries[s]
	if d := x.unmet(q, e); d != 0 {
		m := e.met(q.app)
		required, shown := q.compare(d, &m)
		return Reason{
			Edge: id, Demand: &d, Required: required, Shown: shown,
			Words: fmt.Sprintf("%s was left out since it %s: asked for is %s, it has %s.", id, q.lacks(d), required, shown),
			Score: e.score, Share: int(e.share),
		}
	}
	if !q.counts(e) {
		d := Drawn
		return Reason{
			Edge: id, Demand: &d, Required: "to be drawn", Shown: inMatches(e.share), Score: e.score, Share: int(e.share),
			Words: fmt.Sprintf("%s meets every demand, but is a newcomer or in doubt: a candidate %s, and this is not one of them.", id, inMatches(e.share)),
		}
	}
	words := fmt.Sprintf("%s meets every demand, but chance left it off the shortlist, as it does among edges alike.", id)
	if own, farthest := e.distance(q), farthest(ranked); own != Unknown && farthest != Unknown && own > farthest+alike {
		words = fmt.Sprintf("%s meets every demand, but is not on the shortlist: it is %.0f km away, those that are there for being near are within %.0f km.", id, own, farthest)
	}
	return Reason{Edge: id, Words: words, Score: e.score, Share: int(e.share)}
}

// farthest is how far the farthest candidate is that is there for being near.
func farthest(ranked []Ranked) Kilometres {
	most := Unknown
	for i := range ranked {
		if ranked[i].Vantage == Nearby {
			most = max(most, ranked[i].Distance)
		}
	}
	return most
}

// reason says why a candidate is in its place.
func (r *Ranked) reason(at int, ranked []Ranked) Reason {
	why := Reason{Edge: r.Edge, Place: at + 1, Cost: r.Cost, Terms: r.Terms, Score: r.Score, Share: r.Share}
	if r.Vantage != 0 {
		why.Vantage = &r.Vantage
	}
	var words strings.Builder
	switch {
	case at == 0 && r.Kept:
		fmt.Fprintf(&words, "%s is kept: %s. %s is better by %s only; a player is moved for %s and a third at least.", r.Edge, r.bill(), ranked[1].Edge, r.Cost-ranked[1].Cost, switchCost)
	case at == 0:
		fmt.Fprintf(&words, "%s is the best: %s.", r.Edge, r.bill())
	case r.class() == 2 && ranked[0].class() != 2:
		fmt.Fprintf(&words, "%s is number %d: it answered none of %d tries.", r.Edge, at+1, r.Link.Failed)
	case r.class() == 1 && ranked[0].class() == 0:
		fmt.Fprintf(&words, "%s is number %d: it was not measured, and those that were come first.", r.Edge, at+1)
	default:
		fmt.Fprintf(&words, "%s is number %d: %s", r.Edge, at+1, r.bill())
		switch more := r.Cost - ranked[0].Cost; {
		case more < 0:
			fmt.Fprintf(&words, ", %s better than %s, which is kept.", -more, ranked[0].Edge)
		case more == 0:
			fmt.Fprintf(&words, ", as good as %s; chance decided.", ranked[0].Edge)
		default:
			name, most := r.worst(&ranked[0])
			fmt.Fprintf(&words, ", %s worse than %s, most of all by its %s (%s).", more, ranked[0].Edge, name, most)
		}
	}
	fmt.Fprintf(&words, " It is on the shortlist %s.", r.vantage())
	switch {
	case r.Share == 0 || r.Share == Whole:
	case r.Drawn:
		fmt.Fprintf(&words, " It is a newcomer or in doubt, a candidate %s, and this is one of them.", inMatches(uint16(r.Share)))
	default:
		fmt.Fprintf(&words, " It is a newcomer or in doubt, a candidate %s, and where none but such would do, as here.", inMatches(uint16(r.Share)))
	}
	why.Words = words.String()
	return why
}

// bill is the cost and what it is made of.
func (r *Ranked) bill() string {
	var parts []string
	for _, t := range r.Terms {
		if t.Cost != 0 {
			parts = append(parts, fmt.Sprintf("%s %s", t.Name, t.Cost))
		}
	}
	return fmt.Sprintf("%s in all (%s)", r.Cost, cmp.Or(strings.Join(parts, ", "), "nothing"))
}

// worst is the term by which r is worse than the other most.
func (r *Ranked) worst(other *Ranked) (name string, most Cost) {
	for _, t := range r.Terms {
		more := t.Cost
		for _, o := range other.Terms {
			if o.Name == t.Name {
				more -= o.Cost
			}
		}
		if name == "" || more > most {
			name, most = t.Name, more
		}
	}
	return name, most
}

func (c *Candidate) vantage() string {
	away := "at an unknown distance"
	if c.Distance != Unknown {
		away = fmt.Sprintf("%.0f km away", c.Distance)
	}
	switch c.Vantage {
	case Nearby:
		return "for being near: " + away
	case Recalled:
		return "because it was good from this network before"
	case OtherNetwork:
		return "for being on another network than those nearer: " + away
	case OtherPlace:
		return "for being in another place than the others, should the player's be wrong: " + away
	}
	return "by chance, should the player's place be very wrong: " + away
}

// String is the cost in words: "12.3 ms".
func (c Cost) String() string { return strconv.FormatFloat(float64(c), 'f', 1, 64) + " ms" }

// lacks says what an edge lacks that does not meet a demand, of this request.
func (r *Request) lacks(d Demand) string {
	switch d {
	case Listed:
		return "does not list the app"
	case Installed:
		return "does not have the app installed"
	case Trusted:
		return "is none of those that alone will do"
	case InRegion:
		return "is in no region where the token is good"
	case Decodable:
		return "shares no codec with the player"
	case Proved:
		return "was not seen to send such a picture"
	case Scored:
		return "has too low a score"
	case Affords:
		return "costs more than the cap"
	case Takes:
		return "takes no players just now"
	case Allowed:
		return "is not to be given to this player"
	case Drawn:
		return "is a newcomer or in doubt, which takes part in few matches, and not in this one"
	}
	return "has no free slot"
}

// compare says what a demand requires, and what the edge has.
func (r *Request) compare(d Demand, e *met) (required, shown string) {
	switch d {
	case Listed:
		return r.App, "nothing of that name"
	case Installed:
		return r.App + " installed", "it in its catalogue alone"
	case Trusted:
		return r.trusts(), cmp.Or(e.root, "nobody") + "'s endorsement and another name"
	case InRegion:
		return either(r.Regions), either(e.regions)
	case Decodable:
		return either(r.Codecs), either(e.codecs)
	case Proved:
		return r.Picture.String() + " in " + either(r.Codecs), r.proofs(e)
	case Scored:
		return fmt.Sprint(r.MinScore), fmt.Sprint(e.score)
	case Affords:
		return fmt.Sprintf("%d a second at most", r.PriceCap), fmt.Sprintf("a price of %d", e.price)
	case Takes:
		return "the state accepting", "the state " + e.state.String()
	case Allowed:
		return "none of " + edges(len(r.Except)) + " by name", "one of these names"
	}
	return "a free slot", "none"
}

// trusts says which edges alone will do.
func (r *Request) trusts() string {
	var ways []string
	if len(r.Only) > 0 {
		ways = append(ways, "one of "+edges(len(r.Only))+" by name")
	}
	if r.Root != "" {
		ways = append(ways, "the endorsement of "+r.Root)
	}
	return either(ways)
}

// proofs lists what an edge was seen to send in the request's codecs.
func (r *Request) proofs(e *met) string {
	var seen []string
	for _, a := range e.proved {
		if shares(r.Codecs, []string{a.Codec}) {
			seen = append(seen, fmt.Sprintf("%s in %s", a.Picture, a.Codec))
		}
	}
	return either(seen)
}
