package match

import (
	"math"
	"slices"

	"nearlight/signaling"
)

// query is a request as the trees are searched for it.
type query struct {
	*Request
	app             *app   // nil: any
	everyone        bool   // newcomers that were not drawn count as well
	settled         bool   // none but those with the whole share count
	lot             uint16 // that is drawn
	only            []slot // of Only, those that are known; they are looked at by themselves, all others in the trees
	codecs, regions uint64
	root            uint64
	proved          proofs // one of them is needed; 0: none
	located         bool
	at              vector
	uncertainty     Kilometres
	tolerance       chord // distances below it are alike
}

// alike is the distance below which one edge is as near as another, for the best of known places: light goes there and
// back in a quarter of a millisecond.
const alike Kilometres = 25

func (x *Index) query(r *Request) *query {
	x.asked = query{
		Request: r, app: x.apps[r.App], codecs: bitsOf(r.Codecs), regions: bitsOf(r.Regions),
	}
	q := &x.asked
	x.draw(q, lotOf(r.Draw), false)
	if !r.Picture.any() {
		for _, codec := range r.Codecs {
			q.proved |= 1 << (x.row(codec) + r.Picture.class())
		}
	}
	if r.Root != "" {
		q.root = bitOf(r.Root)
	}
	x.only = x.only[:0]
	for _, id := range r.Only {
		if s, known := x.byID[id]; known && !slices.Contains(x.only, s) {
			x.only = append(x.only, s)
		}
	}
	q.only = x.only
	if r.Near != nil && r.Near.valid() {
		q.located, q.at = true, r.Near.vector()
		if r.Near.Uncertainty > 0 { // and a number
			q.uncertainty = min(r.Near.Uncertainty, halfTheEarth)
		}
		q.tolerance = max(alike, q.uncertainty/2).chord()
	}
	return q
}

// named reports whether no edge will do but those that are named, so that the trees have nothing to offer.
func (q *query) named() bool { return len(q.Only) > 0 && q.Root == "" }

// roots are the trees in which the query's edges are; how many of the two there are.
func (x *Index) roots(q *query) (trees [2]*tree, n int) {
	switch {
	case q.App == "":
		return [2]*tree{&x.every}, 1
	case q.app == nil:
		return trees, 0
	case q.Pull:
		return [2]*tree{&q.app.installed, &q.app.pullable}, 2
	}
	return [2]*tree{&q.app.installed}, 1
}

// may reports whether an edge that meets all demands before the given one is likely to be in what s sums up. It never says no where
// one is.
func (q *query) may(s *summary, before Demand) bool {
	return s.count > 0 && q.drawn(s.share) &&
		(before <= Trusted || q.root == 0 || s.roots&q.root != 0) &&
		(before <= InRegion || q.regions == 0 || s.regions&q.regions != 0) &&
		(before <= Decodable || s.codecs&q.codecs != 0) &&
		(before <= Proved || q.proved == 0 || s.proved&q.proved != 0) &&
		(before <= Scored || s.best >= q.MinScore) &&
		(before <= Affords || q.PriceCap == 0 || s.cheapest <= q.PriceCap)
}

// all is after every demand.
const all = FreeSlot + 1

// find returns an edge below n that meets every demand before the given one.
func (x *Index) find(n *node, q *query, before Demand) (slot, bool) {
	s := &n.all
	if before == all {
		s = &n.open
	}
	if !q.may(s, before) {
		return 0, false
	}
	for _, s := range n.in {
		m := x.entries[s].met(q.app)
		if unmet := q.unmet(&m); unmet == 0 || unmet >= before {
			return s, true
		}
	}
	for i := range n.kids {
		if s, found := x.find(&n.kids[i], q, before); found {
			return s, true
		}
	}
	return 0, false
}

// why returns the error for a query that no edge meets: it names the first demand that none meets together with those before it.
func (x *Index) why(q *query) *signaling.Error {
	if x.Len() == 0 {
		return signaling.NewError(signaling.CodeNoEdge)
	}
	if q.App != "" && q.app == nil {
		return q.refusal(Listed, nil, "")
	}
	title := ""
	if q.app != nil {
		title = q.app.title
	}
	var near met
	for _, demand := range demands[Installed-1:] {
		s, found := x.findAny(q, demand+1)
		if !found {
			return q.refusal(demand, &near, title)
		}
		near = x.entries[s].met(q.app)
	}
	return nil
}

// findAny returns an edge that meets every demand before the given one, wherever it is.
func (x *Index) findAny(q *query, before Demand) (slot, bool) {
	for _, s := range q.only {
		if unmet := x.unmet(q, &x.entries[s]); unmet == 0 || unmet >= before {
			return s, true
		}
	}
	if q.named() && before > Trusted {
		return 0, false
	}
	trees, n := x.roots(q)
	for _, t := range trees[:n] {
		if s, found := x.find(&t.root, q, before); found {
			return s, true
		}
	}
	return 0, false
}

// ball is a part of the world to leave out.
type ball struct {
	centre vector
	radius chord
}

// search goes through the edges that meet a query from near to far. Those in one band of distance come in random order, each
// with the same chance: every edge has a time of its own, exponentially distributed, and the earliest one comes first. The time of a node
// is that of the first edge below it, so that nodes need not be opened to know which of them comes next.
type search struct {
	x      *Index
	q      *query
	avoid  []ball
	blind  bool // places do not matter
	pull   bool // among those that would have to install the app
	random func(int) int
	heap   []item
}

// item is a node to be opened, or an edge.
type item struct {
	band int32
	time float32
	node *node // nil: the edge
	cell cell
	edge slot
}

func (s *search) begin(x *Index, q *query, random func(int) int) {
	*s = search{x: x, q: q, random: random, heap: s.heap[:0], avoid: s.avoid[:0]}
}

// start begins anew, once what to avoid is known.
func (s *search) start() {
	s.heap = s.heap[:0]
	root := &s.x.every.root
	if a := s.q.app; a != nil {
		if root = &a.installed.root; s.pull {
			root = &a.pullable.root
		}
	} else if s.q.App != "" {
		return
	}
	s.pushOnly()
	if !s.q.named() && s.q.may(&root.open, all) {
		s.push(item{node: root})
	}
}

// pushOnly puts the edges that are named on the heap, each looked up by itself: there are few of them, in an index of any size.
func (s *search) pushOnly() {
	for _, at := range s.q.only {
		e := &s.x.entries[at]
		m := e.met(s.q.app)
		if s.q.unmet(&m) != 0 || s.q.app != nil && m.installed == s.pull || s.avoided(e) || !s.q.counts(e) {
			continue
		}
		s.push(item{band: s.band(e), time: s.wait(1), edge: at})
	}
}

// wait is the time until the first of n edges, if each one's is distributed exponentially with a mean of 1.
func (s *search) wait(n int) float32 {
	const steps = 1 << 24
	return float32(-math.Log((float64(s.random(steps))+0.5)/steps) / float64(n))
}

// next returns the next edge, false when there are no more.
func (s *search) next() (slot, bool) {
	for len(s.heap) > 0 {
		top := s.pop()
		if top.node == nil {
			return top.edge, true
		}
		if top.node.kids != nil {
			s.open(top)
		} else {
			s.look(top)
		}
	}
	return 0, false
}

// open puts a node's children on the heap. One of them has the edge whose time is the node's; which one, chance says.
func (s *search) open(top item) {
	first := s.random(s.q.most(&top.node.open))
	for digit := range top.node.kids {
		kid := &top.node.kids[digit]
		count := s.q.most(&kid.open)
		here := first >= 0 && first < count
		first -= count
		if !s.q.may(&kid.open, all) {
			continue
		}
		below := item{node: kid, cell: top.cell.child(digit), time: top.time}
		if !here {
			below.time += s.wait(count)
		}
		var inside bool
		if below.band, inside = s.bandOf(below.cell); !inside {
			s.push(below)
		}
	}
}

// look puts a leaf's edges on the heap.
func (s *search) look(top item) {
	first := s.random(s.q.most(&top.node.open))
	for _, at := range top.node.in {
		e := &s.x.entries[at]
		if !e.open() || s.q.settled && e.share < Whole {
			continue
		}
		time := top.time
		if first != 0 {
			time += s.wait(1)
		}
		first--
		if !s.q.counts(e) {
			continue
		}
		if m := e.met(s.q.app); s.q.unmet(&m) != 0 || s.avoided(e) || slices.Contains(s.q.only, at) {
			continue
		}
		s.push(item{band: s.band(e), time: time, edge: at})
	}
}

func (s *search) avoided(e *entry) bool {
	for _, b := range s.avoid {
		if e.placed && e.at.chord(b.centre) < b.radius {
			return true
		}
	}
	return false
}

// unknownBand is where edges without a place come: behind those that are near, before those on another continent.
const unknownDistance Kilometres = 2500

func (s *search) band(e *entry) int32 {
	switch {
	case s.blind || !s.q.located:
		return 0
	case !e.placed:
		return bandOf(unknownDistance.chord(), s.q.tolerance)
	}
	return bandOf(e.at.chord(s.q.at), s.q.tolerance)
}

// bandOf a cell is the nearest band that one of its edges may be in; inside says that all of it is to be avoided.
func (s *search) bandOf(c cell) (band int32, inside bool) {
	if c.face == nowhere {
		return s.band(&entry{}), false
	}
	if (s.blind || !s.q.located) && len(s.avoid) == 0 {
		return 0, false
	}
	centre, radius := c.reach()
	for _, b := range s.avoid {
		if centre.chord(b.centre)+radius < b.radius {
			return 0, true
		}
	}
	if s.blind || !s.q.located {
		return 0, false
	}
	return bandOf(centre.chord(s.q.at)-radius, s.q.tolerance), false
}

// bandsAnOctave says how finely distances above the tolerance are told apart: by 9 %.
const bandsAnOctave = 8

func bandOf(distance, tolerance chord) int32 {
	if distance < tolerance {
		return 0
	}
	return 1 + int32(bandsAnOctave*math.Log2(float64(distance/tolerance)))
}

func (a item) before(b item) bool { return a.band < b.band || a.band == b.band && a.time < b.time }

func (s *search) push(new item) {
	s.heap = append(s.heap, new)
	h := s.heap
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !new.before(h[up]) {
			break
		}
		h[i] = h[up]
		i = up
	}
	h[i] = new
}

func (s *search) pop() item {
	h := s.heap
	top, last := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	s.heap = h
	for i := 0; len(h) > 0; {
		down := 2*i + 1
		if down >= len(h) {
			h[i] = last
			break
		}
		if right := down + 1; right < len(h) && h[right].before(h[down]) {
			down = right
		}
		if !h[down].before(last) {
			h[i] = last
			break
		}
		h[i] = h[down]
		i = down
	}
	return top
}
