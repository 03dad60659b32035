package match

import (
	"encoding/binary"
	"slices"
	"strings"

	"nearlight/signaling"
)

// Index is what matching knows of all edges, in memory. Changing one edge and asking for a shortlist take a time that grows with
// the logarithm of the number of edges. There is a tree of cells for all edges and one for each app, of those that have it; each
// node sums up what the open edges below it offer at best.
//
// It has one owner, who calls one method at a time; reading counts too.
type Index struct {
	entries   []entry
	unused    []slot
	byID      map[signaling.EdgeID]slot
	every     tree
	apps      map[string]*app
	profiles  map[string]*profile
	rows      []string // codecs that have a row of proofs to themselves
	newcomers newcomers
	found     search // scratch space
	asked     query
	pool      []slot
	only      []slot
}

// entry is an edge in the index.
type entry struct {
	id      signaling.EdgeID // "": the slot is unused
	profile *profile
	apps    []listing
	key     key
	network uint64 // a hash; 0: unknown
	price   Price
	at      vector
	slots   uint16
	free    uint16
	score   Score
	share   uint16 // of Whole
	state   State
	placed  bool
	// consistent is Edge.Consistent.
	consistent bool
}

func (e *entry) open() bool { return e.state == Accepting && e.free > 0 }

// load is the part of slots in use.
func (e *entry) load() float64 { return float64(e.slots-e.free) / float64(e.slots) }

// profile is what many edges have alike, kept once.
type profile struct {
	key                   string
	codecs                []string
	proved                []Ability
	regions               []string
	root                  string
	codecBits, regionBits uint64
	rootBit               uint64 // 0: nobody's
	proofs                proofs
	edges                 int
}

// app is who has one app. An edge is in one of the trees.
type app struct {
	name, title         string
	installed, pullable tree
}

type listing struct {
	app       *app
	installed bool
}

func (l listing) tree() *tree {
	if l.installed {
		return &l.app.installed
	}
	return &l.app.pullable
}

// NewIndex returns an index of the edges. Of two with one identity the later counts.
func NewIndex(edges ...Edge) *Index {
	x := &Index{byID: make(map[signaling.EdgeID]slot, len(edges)), apps: make(map[string]*app), profiles: make(map[string]*profile)}
	for _, e := range edges {
		x.Upsert(e)
	}
	return x
}

// Len is the number of edges.
func (x *Index) Len() int { return len(x.byID) }

// Upsert takes an edge in, or what has become of it. What is out of bounds counts as the bound, a place that is none as unknown, and an app
// that is listed twice as it is listed first.
func (x *Index) Upsert(edge Edge) {
	s, known := x.byID[edge.ID]
	switch {
	case known:
		x.takeOut(s)
	case len(x.unused) > 0:
		s = x.unused[len(x.unused)-1]
		x.unused = x.unused[:len(x.unused)-1]
	default:
		s = slot(len(x.entries))
		x.entries = append(x.entries, entry{})
	}
	x.byID[edge.ID] = s
	e := &x.entries[s]
	slots := min(max(edge.Slots, 1), MaxSlots)
	*e = entry{
		id: edge.ID, profile: x.profileOf(&edge), apps: e.apps[:0], price: edge.Price, score: min(edge.Score, MaxScore), share: shareOf(edge.Share), state: edge.State,
		consistent: edge.Consistent, slots: uint16(slots), free: uint16(min(max(edge.Free, 0), slots)),
	}
	if edge.Network != "" {
		e.network = hashOf(edge.Network) | 1
	}
	x.newcomers.add(e.share, 1)
	if hash := hashOf(string(edge.ID)); edge.Place != nil && edge.Place.valid() {
		e.placed, e.at = true, edge.Place.vector()
		e.key = placedKey(e.at, hash)
	} else {
		e.key = unplacedKey(hash)
	}
	for _, listed := range edge.Apps {
		a := x.apps[listed.Name]
		if a == nil {
			a = &app{name: listed.Name}
			x.apps[listed.Name] = a
		}
		a.title = listed.Title
		if !slices.ContainsFunc(e.apps, func(l listing) bool { return l.app == a }) {
			e.apps = append(e.apps, listing{a, listed.Installed})
		}
	}
	e.apps = slices.Clip(e.apps)
	x.add(&x.every.root, 0, s)
	for _, l := range e.apps {
		x.add(&l.tree().root, 0, s)
	}
}

// SetFree says how many slots of an edge are free. It reports whether the edge is known.
func (x *Index) SetFree(id signaling.EdgeID, free int) bool {
	return x.change(id, func(e *entry) { e.free = uint16(min(max(free, 0), int(e.slots))) })
}

// SetState says what an edge's life allows. It reports whether the edge is known.
func (x *Index) SetState(id signaling.EdgeID, state State) bool {
	return x.change(id, func(e *entry) { e.state = state })
}

// change sets what no summary but that of the open edges depends on.
func (x *Index) change(id signaling.EdgeID, set func(*entry)) bool {
	s, known := x.byID[id]
	if !known {
		return false
	}
	e := &x.entries[s]
	before := e.open()
	set(e)
	if e.open() != before {
		x.turn(&x.every.root, 0, s)
		for _, l := range e.apps {
			x.turn(&l.tree().root, 0, s)
		}
	}
	return true
}

// Remove forgets an edge. It reports whether it was known.
func (x *Index) Remove(id signaling.EdgeID) bool {
	s, known := x.byID[id]
	if !known {
		return false
	}
	x.takeOut(s)
	delete(x.byID, id)
	x.entries[s] = entry{}
	x.unused = append(x.unused, s)
	return true
}

// takeOut takes an edge out of every tree.
func (x *Index) takeOut(s slot) {
	e := &x.entries[s]
	x.newcomers.add(e.share, -1)
	x.remove(&x.every.root, 0, s)
	for _, l := range e.apps {
		x.remove(&l.tree().root, 0, s)
		if l.app.installed.empty() && l.app.pullable.empty() {
			delete(x.apps, l.app.name)
		}
	}
	if e.profile.edges--; e.profile.edges == 0 {
		delete(x.profiles, e.profile.key)
	}
}

// profileOf finds the profile of an edge among those known, or makes it.
func (x *Index) profileOf(edge *Edge) *profile {
	key := profileKey(edge)
	p := x.profiles[string(key)]
	if p == nil {
		p = &profile{
			key: string(key), codecs: slices.Clone(edge.Codecs), proved: slices.Clone(edge.Proved), regions: slices.Clone(edge.Regions),
			codecBits: bitsOf(edge.Codecs), regionBits: bitsOf(edge.Regions), root: edge.Root,
		}
		if edge.Root != "" {
			p.rootBit = bitOf(edge.Root)
		}
		for _, a := range edge.Proved {
			if !slices.Contains(x.rows, a.Codec) && len(x.rows) < rows-1 {
				x.rows = append(x.rows, strings.Clone(a.Codec))
			}
			p.proofs |= (2<<a.Picture.class() - 1) << x.row(a.Codec)
		}
		x.profiles[p.key] = p
	}
	p.edges++
	return p
}

// profileKey writes what a profile has, each part behind its length, so that no two profiles are written alike.
func profileKey(edge *Edge) []byte {
	key := make([]byte, 0, 128)
	text := func(s string) { key = append(binary.AppendUvarint(key, uint64(len(s))), s...) }
	number := func(n int) { key = binary.AppendVarint(key, int64(n)) }
	number(len(edge.Codecs))
	for _, codec := range edge.Codecs {
		text(codec)
	}
	number(len(edge.Proved))
	for _, a := range edge.Proved {
		text(a.Codec)
		number(a.Picture.Size.Width)
		number(a.Picture.Size.Height)
		number(a.Picture.FrameRate)
	}
	text(edge.Root)
	for _, region := range edge.Regions {
		text(region)
	}
	return key
}

// met is what the edge has to show for the app; nil is any.
func (e *entry) met(a *app) met {
	m := met{
		listed: a == nil, installed: a == nil, codecs: e.profile.codecs, proved: e.profile.proved, regions: e.profile.regions, root: e.profile.root,
		score: e.score, price: e.price, state: e.state, free: int(e.free), id: e.id,
	}
	for _, l := range e.apps {
		if l.app == a {
			m.listed, m.installed = true, l.installed
		}
	}
	return m
}

// distance is how far an edge is from the player.
func (e *entry) distance(q *query) Kilometres {
	if !e.placed || !q.located {
		return Unknown
	}
	return e.at.chord(q.at).ground()
}
