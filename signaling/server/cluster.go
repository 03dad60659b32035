package server

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"nearlight/internal/bus"
	"nearlight/signaling"
	"nearlight/signaling/claim"
	"nearlight/signaling/sequence"
	"nearlight/signaling/token"
)

// Times of a cluster.
const (
	// presenceTick is how often what has changed of a node's edges is told.
	presenceTick = 250 * time.Millisecond
	// presenceBeat is how often a node says that it lives, whatever has changed.
	presenceBeat = time.Second
	// nodeSilence is after which a node counts as gone: its edges are looked for elsewhere.
	nodeSilence = 3 * time.Second
	// linkBeat is how often an end of a link that has something under way tells the other how far it is; one that has not does on each
	// restBeats-th.
	linkBeat  = 500 * time.Millisecond
	restBeats = 10
	// linkSilence is after which an end that is not asked for any more is forgotten.
	linkSilence = 15 * time.Second
)

const (
	presenceSubject = "nearlight.presence"
	inboxPrefix     = "nearlight.node."
	// outgoingQueue bounds what waits for the bus. What does not fit is lost, and told again by who knows it.
	outgoingQueue = 16384
	// maxGuests bounds the players of other nodes whose edges are here.
	maxGuests = 100_000
	// batchBytes is about how long a message about many edges or links gets.
	batchBytes = bus.MaxMessage / 2
)

// cluster is what a registry knows of other nodes, and its way to them. The registry's mutex guards it.
type cluster struct {
	id  string // this node's
	bus bus.Bus
	out chan outgoing

	nodes  map[string]*neighbour
	links  map[string]*link                        // of players here whose edge is elsewhere
	ways   map[signaling.EdgeID]map[*link]struct{} // the same by edge
	beats  int
	guests map[guestName]*guest          // players elsewhere whose edge is here
	dirty  map[signaling.EdgeID]struct{} // edges of ours whose news were not told
	orders map[orderName]struct{}        // that were not told
	// standings are of edges at other nodes, which this node's log has spoken of and which were not told.
	standings map[signaling.EdgeID]struct{}
	seq       uint64
	all       bool // tell all edges, not the news alone
	told      time.Time
}

type outgoing struct {
	subject string
	data    []byte
}

// neighbour is another node.
type neighbour struct {
	id      string
	seq     uint64 // of its last message
	heard   time.Time
	edges   map[signaling.EdgeID]*farEdge
	round   uint64 // counts its full accounts
	leaving bool
	studios map[string]int
	drained bool
	keeps   bool      // it keeps the log of checks
	key     string    // the check key that it knows of
	queue   []int64   // since when players wait there, the longest first; milliseconds since 1970
	missed  bool      // something that it told was lost, and no account of all came since
	whole   bool      // of the account that is coming nothing is missing so far
	asked   time.Time // for one
}

// envelope is a message to one node.
type envelope struct {
	From    string         `json:"from"`
	Full    bool           `json:"full,omitempty"` // an account of all edges is wanted
	Link    string         `json:"link,omitempty"` // whose frame it is
	Home    bool           `json:"home,omitempty"` // the frame goes to the edge's node
	Frame   sequence.Frame `json:"frame,omitzero"`
	Unknown string         `json:"unknown,omitempty"` // a link that this node knows nothing of, any more
	Keeps   []keep         `json:"keeps,omitempty"`
	Claims  *ofTokens      `json:"claims,omitempty"`
}

// keep says that a link is still there.
type keep struct {
	Link  string         `json:"link"`
	Home  bool           `json:"home,omitempty"`
	Frame sequence.Frame `json:"frame"`
}

// body is what a frame carries: one field is set.
type body struct {
	Open    *opening         `json:"open,omitempty"`    // to the edge's node: the first
	Message json.RawMessage  `json:"message,omitempty"` // of signaling's protocol, as the player sends or gets it
	Part    *parting         `json:"part,omitempty"`    // to the edge's node: the player's socket is closed
	End     *ending          `json:"end,omitempty"`     // to the player's node: close its socket
	Moved   *signaling.Error `json:"moved,omitempty"`   // to the player's node: find it another edge
	Retry   *signaling.Error `json:"retry,omitempty"`   // the same, of a session that did not begin
	Seek    bool             `json:"seek,omitempty"`    // to the player's node: the edge is at another node
	SDP     string           `json:"sdp,omitempty"`     // of one who offers: to the edge's node another offer, to the player's node the answer
}

type opening struct {
	Play   json.RawMessage  `json:"play"`
	Claims token.Claims     `json:"claims"`
	Edge   signaling.EdgeID `json:"edge"`
	Quiet  bool             `json:"quiet,omitempty"`
	Offer  string           `json:"offer,omitempty"` // of one who offers, in place of its edge
	Trace  string           `json:"trace,omitempty"` // as in signaling.Start
	Rest   time.Duration    `json:"rest,omitempty"`  // for which a player who was moved is not moved again
	Handed bool             `json:"handed,omitempty"`
	Turn   claim.Turn       `json:"turn"` // as which the session begins, if it does
	Errand errand           `json:"errand,omitzero"`
}

type parting struct {
	Hold time.Duration `json:"hold"`
}

type ending struct {
	Reason *signaling.Error `json:"reason,omitempty"`
}

func newCluster(b bus.Bus) *cluster {
	return &cluster{
		id: "n-" + rand.Text(), bus: b, out: make(chan outgoing, outgoingQueue),
		nodes: make(map[string]*neighbour), links: make(map[string]*link), ways: make(map[signaling.EdgeID]map[*link]struct{}), guests: make(map[guestName]*guest), dirty: make(map[signaling.EdgeID]struct{}),
		orders: make(map[orderName]struct{}), standings: make(map[signaling.EdgeID]struct{}), all: true,
	}
}

// join takes part in the cluster until ctx ends.
func (r *registry) joinCluster(ctx context.Context) error {
	c := r.cluster
	stopPresence, err := c.bus.Subscribe(presenceSubject, func(m bus.Message) {
		var p presence
		if err := json.Unmarshal(m.Data, &p); err != nil {
			r.strange(err)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.hear(p)
	})
	if err != nil {
		return err
	}
	defer stopPresence()
	stopInbox, err := c.bus.Subscribe(inboxPrefix+c.id, func(m bus.Message) {
		var e envelope
		if err := json.Unmarshal(m.Data, &e); err != nil {
			r.strange(err)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.receive(e)
	})
	if err != nil {
		return err
	}
	defer stopInbox()
	r.mu.Lock()
	r.tick()
	r.beat()
	r.after(holdsTold, r.tellHolds)
	r.mu.Unlock()
	var publishing sync.WaitGroup
	publishing.Go(func() { r.publish(ctx) })
	<-ctx.Done()
	publishing.Wait()
	return nil
}

func (r *registry) strange(err error) {
	r.metrics.dropped.WithLabelValues("strange-node").Inc()
	r.log.Warn("a message of another node does not parse; are all nodes of one version?", "error", err)
}

// publish sends what waits for the bus, at the end too.
func (r *registry) publish(ctx context.Context) {
	c := r.cluster
	for {
		select {
		case m := <-c.out:
			r.publishOne(m)
		case <-ctx.Done():
			for {
				select {
				case m := <-c.out:
					r.publishOne(m)
				default:
					return
				}
			}
		}
	}
}

func (r *registry) publishOne(m outgoing) {
	if err := r.cluster.bus.Publish(m.subject, m.data); err != nil {
		r.metrics.dropped.WithLabelValues("bus").Inc()
		r.log.Debug("the bus does not take a message", "subject", m.subject, "error", err)
	}
}

// post queues a message for the bus. It never blocks: the mutex is held.
func (r *registry) post(subject string, message any) {
	data, err := json.Marshal(message)
	if err != nil {
		r.log.Error("a message for another node cannot be written", "error", err)
		return
	}
	select {
	case r.cluster.out <- outgoing{subject: subject, data: data}:
	default:
		r.metrics.dropped.WithLabelValues("bus-queue").Inc()
	}
}

func (r *registry) mail(node string, e envelope) {
	e.From = r.cluster.id
	r.post(inboxPrefix+node, e)
}

// receive takes a message to this node.
func (r *registry) receive(e envelope) {
	c := r.cluster
	if n := c.nodes[e.From]; n != nil {
		n.heard = time.Now()
	}
	if !wellFormedID(e.From, maxNodeID) {
		r.metrics.dropped.WithLabelValues("strange-node").Inc()
		return
	}
	if e.Full {
		c.all = true
	}
	if e.Unknown != "" {
		if l := c.links[e.Unknown]; l != nil && l.node == e.From {
			r.linkLost(l)
		}
	}
	if e.Link != "" {
		r.frame(e.From, e.Link, e.Home, e.Frame)
	}
	for _, k := range e.Keeps {
		r.frame(e.From, k.Link, k.Home, k.Frame)
	}
	if e.Claims != nil {
		r.hearClaims(e.From, *e.Claims)
	}
}

// frame takes a frame of a link, at either of its ends.
func (r *registry) frame(from, name string, home bool, f sequence.Frame) {
	c := r.cluster
	if !home {
		l := c.links[name]
		if l == nil || l.node != from {
			return // of a player who has left, or is at another node by now
		}
		l.heard = time.Now()
		bodies, back := l.end.Receive(f)
		for _, answer := range back {
			r.mail(from, envelope{Link: name, Home: true, Frame: answer})
		}
		for _, data := range bodies {
			if c.links[name] != l {
				return // the last one has closed it
			}
			r.fromHome(l, data)
		}
		return
	}
	key := guestName{node: from, link: name}
	g := c.guests[key]
	if g == nil {
		if f.Seq != 1 {
			if f.Top > 0 || f.Seq > 0 {
				r.mail(from, envelope{Unknown: name})
			}
			return
		}
		if len(c.guests) >= maxGuests {
			r.metrics.dropped.WithLabelValues("too-many-guests").Inc()
			return
		}
		g = &guest{r: r, name: key}
		c.guests[key] = g
	}
	g.heard = time.Now()
	bodies, back := g.end.Receive(f)
	for _, answer := range back {
		r.mail(from, envelope{Link: name, Frame: answer})
	}
	for _, data := range bodies {
		if c.guests[key] != g {
			return
		}
		r.fromFront(g, data)
	}
}

// beat has the ends of links tell each other how far they are, and forgets those of nobody.
func (r *registry) beat() {
	c := r.cluster
	c.beats++
	resting := c.beats%restBeats == 0
	now := time.Now()
	batches := make(map[string][]keep)
	sizes := make(map[string]int)
	add := func(node string, k keep) {
		batches[node] = append(batches[node], k)
		if sizes[node] += 96; sizes[node] > batchBytes {
			r.mail(node, envelope{Keeps: batches[node]})
			batches[node], sizes[node] = nil, 0
		}
	}
	for name, l := range c.links {
		switch {
		case l.player == nil && (l.end.Idle() || now.Sub(l.heard) > linkSilence):
			r.dropLink(l)
		case now.Sub(l.heard) > linkSilence:
			r.linkLost(l)
		case resting || !l.end.Idle():
			add(l.node, keep{Link: name, Home: true, Frame: l.end.Keep()})
		}
	}
	for name, g := range c.guests {
		if g.broken || now.Sub(g.heard) > linkSilence {
			r.guestLost(g)
			continue
		}
		if !resting && g.end.Idle() {
			continue
		}
		add(name.node, keep{Link: name.link, Frame: g.end.Keep()})
	}
	for node, keeps := range batches {
		if len(keeps) > 0 {
			r.mail(node, envelope{Keeps: keeps})
		}
	}
	r.after(linkBeat, r.beat)
}

// nodeLost gives up all that was of another node.
func (r *registry) nodeLost(n *neighbour) {
	c := r.cluster
	delete(c.nodes, n.id)
	r.nodeClaimsNothing(n.id)
	for id := range n.edges {
		r.forgetFar(n, id)
	}
	r.keeperLost()
	r.log.Info("signaling node is gone", "node", n.id, "leaving", n.leaving)
	for _, l := range c.links {
		if l.node == n.id {
			r.linkLost(l)
		}
	}
	for _, g := range c.guests {
		if g.name.node == n.id {
			r.guestLost(g)
		}
	}
}

// inCluster has a log line say which node writes it.
func inCluster(log *slog.Logger, c *cluster) *slog.Logger {
	if c == nil {
		return log
	}
	return log.With("node", c.id)
}
