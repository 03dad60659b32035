package match

// summary is what the edges below a node offer at best, so that a search passes by where nobody can do. It promises too much at
// worst: two edges may have a half each of what is asked for.
type summary struct {
	codecs, regions uint64
	roots           uint64
	proved          proofs
	cheapest        Price
	count, known    int32 // known have a share of Whole
	best            Score
	share           uint16 // the largest
}

var nobody = summary{cheapest: ^Price(0)}

func (s *summary) add(e *entry) {
	s.count++
	if e.share == Whole {
		s.known++
	}
	s.codecs |= e.profile.codecBits
	s.regions |= e.profile.regionBits
	s.roots |= e.profile.rootBit
	s.proved |= e.profile.proofs
	s.cheapest = min(s.cheapest, e.price)
	s.best = max(s.best, e.score)
	s.share = max(s.share, e.share)
}

func (s *summary) merge(other *summary) {
	if other.count == 0 {
		return
	}
	s.count += other.count
	s.known += other.known
	s.codecs |= other.codecs
	s.regions |= other.regions
	s.roots |= other.roots
	s.proved |= other.proved
	s.cheapest = min(s.cheapest, other.cheapest)
	s.best = max(s.best, other.best)
	s.share = max(s.share, other.share)
}

// node is a cell of a tree with the edges in it: in buckets at the leaves.
type node struct {
	all  summary // of its edges
	open summary // of those that take players and have a slot free
	kids []node  // by digit; nil: a leaf
	in   []slot  // of a leaf
}

// slot is an edge's number in the index.
type slot int32

const (
	// bucketSize is how many edges a leaf holds before it is divided: looking at them costs about what going a level down does.
	bucketSize = 16
	// mergeSize is the number of edges from which a divided node becomes a leaf again; far enough below that it does not go back and forth.
	mergeSize = 8
)

// tree holds a set of edges by place.
type tree struct{ root node }

func (t *tree) empty() bool { return t.root.all.count == 0 }

// add takes an edge in.
func (x *Index) add(n *node, depth int, s slot) {
	e := &x.entries[s]
	if n.all.count == 0 {
		n.all, n.open = nobody, nobody
	}
	n.all.add(e)
	if e.open() {
		n.open.add(e)
	}
	if n.kids != nil {
		x.add(&n.kids[e.key.digit(depth)], depth+1, s)
		return
	}
	if n.in = append(n.in, s); len(n.in) > bucketSize && depth <= levels {
		x.divide(n, depth)
	}
}

func (x *Index) divide(n *node, depth int) {
	n.kids = make([]node, 4)
	if depth == 0 {
		n.kids = make([]node, faces)
	}
	in := n.in
	n.in = nil
	for _, s := range in {
		x.add(&n.kids[x.entries[s].key.digit(depth)], depth+1, s)
	}
}

// remove takes an edge out. The entry is still as it was when it came in.
func (x *Index) remove(n *node, depth int, s slot) {
	e := &x.entries[s]
	if n.kids == nil {
		for i, other := range n.in {
			if other == s {
				n.in[i] = n.in[len(n.in)-1]
				n.in = n.in[:len(n.in)-1]
				break
			}
		}
	} else {
		x.remove(&n.kids[e.key.digit(depth)], depth+1, s)
		if n.all.count <= mergeSize+1 {
			n.in = n.gather(make([]slot, 0, bucketSize))
			n.kids = nil
		}
	}
	x.sum(n)
}

func (n *node) gather(into []slot) []slot {
	into = append(into, n.in...)
	for i := range n.kids {
		into = n.kids[i].gather(into)
	}
	return into
}

// turn takes note that an edge has become open, or no longer is; the entry says which.
func (x *Index) turn(n *node, depth int, s slot) {
	e := &x.entries[s]
	if n.kids != nil {
		x.turn(&n.kids[e.key.digit(depth)], depth+1, s)
	}
	if e.open() {
		n.open.add(e)
		return
	}
	x.sumOpen(n)
}

// sum makes n's summaries anew from what is below it: a maximum cannot be taken back.
func (x *Index) sum(n *node) {
	n.all, n.open = nobody, nobody
	for _, s := range n.in {
		e := &x.entries[s]
		n.all.add(e)
		if e.open() {
			n.open.add(e)
		}
	}
	for i := range n.kids {
		n.all.merge(&n.kids[i].all)
		n.open.merge(&n.kids[i].open)
	}
}

// sumOpen is sum for the open ones alone.
func (x *Index) sumOpen(n *node) {
	n.open = nobody
	for _, s := range n.in {
		if e := &x.entries[s]; e.open() {
			n.open.add(e)
		}
	}
	for i := range n.kids {
		n.open.merge(&n.kids[i].open)
	}
}
