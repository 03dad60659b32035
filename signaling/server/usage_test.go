package server

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nearlight/internal/store"
	"nearlight/signaling"
)

// archive is a store in memory that nodes share. What it keeps it answers at once, unless it is away.
type archive struct {
	mu      sync.Mutex
	away    bool
	began   map[signaling.SessionID]store.Begin
	seconds map[string]map[store.Second]int // by seat, how often each was told
	ends    map[signaling.SessionID][]store.End
	quality map[signaling.SessionID]store.Quality
	orders  []store.Order
	acts    []store.Act
	open    []store.Unended
}

var _ Records = (*archive)(nil)

func newArchive() *archive {
	return &archive{
		began: make(map[signaling.SessionID]store.Begin), seconds: make(map[string]map[store.Second]int),
		ends: make(map[signaling.SessionID][]store.End), quality: make(map[signaling.SessionID]store.Quality),
	}
}

func (a *archive) TryWrite(entry store.Entry, done func(error)) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.away {
		return store.ErrBusy
	}
	switch e := entry.(type) {
	case store.Begin:
		if _, there := a.began[e.Session]; !there {
			a.began[e.Session] = e
		}
	case store.Receipt:
		of := a.seconds[string(e.Session)+" "+e.Seat]
		if of == nil {
			of = make(map[store.Second]int)
			a.seconds[string(e.Session)+" "+e.Seat] = of
		}
		for s := e.Span.First; s < e.Span.Past; s++ {
			of[s]++
		}
	case store.End:
		a.ends[e.Session] = append(a.ends[e.Session], e)
	case store.Assess:
		a.quality[e.Session] = e.Quality
	case store.Impose:
		a.orders, a.acts = append(a.orders, e.Order), append(a.acts, e.Act)
	case store.Act:
		a.acts = append(a.acts, e)
	}
	go done(nil)
	return nil
}

func (a *archive) Write(_ context.Context, entry store.Entry) error {
	return a.TryWrite(entry, func(error) {})
}

func (a *archive) Unended(context.Context, time.Time) ([]store.Unended, error) { return a.open, nil }

func (a *archive) Orders(context.Context) ([]store.Order, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.orders, nil
}

func (a *archive) Acts(context.Context, store.ActQuery) ([]store.Act, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.acts), nil
}

func (a *archive) Session(_ context.Context, id signaling.SessionID) (store.Session, []store.Seat, error) {
	return store.Session{}, nil, store.ErrUnknown
}

// told is how many seconds of a seat there are, and how often they were told in all.
func (a *archive) told(session signaling.SessionID, seat string) (seconds, times int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, n := range a.seconds[string(session)+" "+seat] {
		times += n
	}
	return len(a.seconds[string(session)+" "+seat]), times
}

// keep has a node write to an archive until the test is over.
func (c *city) keep(n *nodeUnderTest, a *archive) {
	n.mu.Lock()
	n.records = newRecords(a, n.log, n.metrics)
	n.mu.Unlock()
	ctx, stop := context.WithCancel(c.Context())
	var running sync.WaitGroup
	running.Go(func() { n.records.run(ctx) })
	before := n.stop
	n.stop = sync.OnceFunc(func() {
		before()
		stop()
		running.Wait()
	})
}

func lately(from, to time.Duration) signaling.Span {
	return signaling.Span{First: time.Now().Add(from).Unix(), Past: time.Now().Add(to).Unix()}
}

func TestSecondsCountOnceWhenTheNodeOfTheEdgeIsLostBeforeItAnswers(t *testing.T) {
	inCity(t, 3, func(c *city) {
		kept := newArchive()
		for _, n := range c.nodes {
			c.keep(n, kept)
		}
		m := c.rig(1)
		m.connect(c.nodes[0])
		c.settle()
		g := c.gamer(c.nodes[1], "one", nil)
		session := c.plays(g).Session
		kindsOf(m.recorder)
		time.Sleep(20 * time.Second)
		use := signaling.Usage{Session: session, Spans: []signaling.Span{lately(-20*time.Second, -10*time.Second)}}
		m.say(m.peer(), use)
		c.same(kindsOf(m.recorder), "counted")
		c.kill(c.nodes[0])
		m.connect(c.nodes[2])
		c.same(kindsOf(m.recorder), "registered")
		// The answer was lost with the node, for all that the edge knows.
		use.Spans = append(use.Spans, lately(-10*time.Second, 0))
		use.Quality, use.Last = &signaling.Quality{FramesPerSecond: 60}, true
		m.say(m.peer(), use)
		synctest.Wait()
		got := m.take()
		if len(got) != 1 || got[0] != (signaling.Counted{Session: session, Past: use.Spans[1].Past}) {
			t.Errorf("the edge is told %+v", got)
		}
		if seconds, times := kept.told(session, playerSeat); seconds != 20 || times != 30 {
			t.Errorf("%d seconds, told %d times", seconds, times)
		}
		if q := kept.quality[session]; q.FramesPerSecond != 60 {
			t.Errorf("%+v", q)
		}
	})
}

func TestUseIsAnsweredWhenItIsKeptAndNotBefore(t *testing.T) {
	inCity(t, 1, func(c *city) {
		kept := newArchive()
		c.keep(c.nodes[0], kept)
		m := c.rig(1)
		m.connect(c.nodes[0])
		session := c.plays(c.gamer(c.nodes[0], "one", nil)).Session
		kindsOf(m.recorder)
		kept.away = true
		m.say(m.peer(), signaling.Usage{Session: session, Spans: []signaling.Span{lately(-2*time.Second, 0)}})
		time.Sleep(time.Minute)
		c.same(kindsOf(m.recorder), []string{}...)
		kept.mu.Lock()
		kept.away = false
		kept.mu.Unlock()
		time.Sleep(2 * writeAgain)
		c.same(kindsOf(m.recorder), "counted")
		if seconds, _ := kept.told(session, playerSeat); seconds != 2 {
			t.Errorf("%d seconds", seconds)
		}
	})
}

func TestTheLastUseOfASessionThatSignalingHasEndedIsKept(t *testing.T) {
	inCity(t, 1, func(c *city) {
		kept := newArchive()
		c.keep(c.nodes[0], kept)
		m := c.rig(1)
		m.connect(c.nodes[0])
		g := c.gamer(c.nodes[0], "one", nil)
		session := c.plays(g).Session
		spectator := c.gamer(c.nodes[0], "two", func(p *signaling.Play) { p.Watch = session })
		watching := c.heard(spectator, "matched", "offer")[0].(signaling.Matched).Session
		kindsOf(m.recorder)
		g.node.leave(g.player)
		c.same(kindsOf(m.recorder), "stop")
		m.say(m.peer(), signaling.Usage{Session: watching, Watch: session, Spans: []signaling.Span{lately(-1*time.Second, 0)}, Last: true})
		m.say(m.peer(), signaling.Usage{
			Session: session, Spans: []signaling.Span{lately(-3*time.Second, 0)}, Last: true, Quality: &signaling.Quality{RoundTripP50: 9},
		})
		c.same(kindsOf(m.recorder), "counted", "counted")
		if seconds, _ := kept.told(session, playerSeat); seconds != 3 {
			t.Errorf("%d seconds of the player", seconds)
		}
		if seconds, _ := kept.told(session, string(watching)); seconds != 1 {
			t.Errorf("%d seconds of who looks on", seconds)
		}
		if ends := kept.ends[session]; len(ends) != 1 || ends[0].Code != signaling.CodeLeft || kept.quality[session].RoundTripP50MS != 9 {
			t.Errorf("%+v %+v", ends, kept.quality)
		}
	})
}

func TestAnEdgeTellsOfItsOwnSessionsAloneAndOfNoSecondThatCannotBe(t *testing.T) {
	inCity(t, 1, func(c *city) {
		kept := newArchive()
		c.keep(c.nodes[0], kept)
		m, other := c.rig(1), c.rig(1)
		m.connect(c.nodes[0])
		session := c.plays(c.gamer(c.nodes[0], "one", nil)).Session
		other.connect(c.nodes[0])
		kindsOf(m.recorder)
		kindsOf(other.recorder)
		time.Sleep(time.Minute)
		for _, foreign := range []signaling.Usage{
			{Session: session, Spans: []signaling.Span{lately(-5*time.Second, 0)}},
			{Session: "s-" + signaling.SessionID(other.edge.id) + "-ABCDEFGHIJKLMNOP", Watch: session, Spans: []signaling.Span{lately(-5*time.Second, 0)}},
			{Session: "nonsense", Spans: []signaling.Span{lately(-5*time.Second, 0)}},
		} {
			other.say(other.peer(), foreign)
		}
		c.same(kindsOf(other.recorder), []string{}...)
		m.say(m.peer(), signaling.Usage{Session: session, Spans: []signaling.Span{
			lately(-30*time.Minute, -20*time.Minute), // before it began
			lately(-5*time.Minute, -50*time.Second),  // and partly so
			lately(-10*time.Second, 0),
			lately(30*time.Minute, 40*time.Minute), // yet to come
		}})
		c.same(kindsOf(m.recorder), "counted")
		// A minute has passed since it began; an edge's clock may be ten seconds off.
		if seconds, _ := kept.told(session, playerSeat); seconds != 10+10+10 {
			t.Errorf("%d seconds", seconds)
		}
		if n := len(kept.seconds); n != 1 {
			t.Errorf("seconds of %d seats", n)
		}
	})
}

func TestWhatNobodyElseWillTellIsEndedInTheStoreAndWhatGoesOnIsNot(t *testing.T) {
	inCity(t, 2, func(c *city) {
		kept := newArchive()
		c.keep(c.nodes[0], kept)
		here, there := c.rig(1), c.rig(1)
		here.connect(c.nodes[0])
		session := c.plays(c.gamer(c.nodes[0], "one", nil)).Session
		there.connect(c.nodes[1])
		c.settle()
		used := time.Now().Add(-time.Hour)
		lost := func(id signaling.SessionID, edge signaling.EdgeID) store.Unended {
			return store.Unended{Session: store.Session{ID: id, Edge: edge}, Used: used}
		}
		c.nodes[0].closeLost([]store.Unended{
			lost(session, here.edge.id), lost("s-elsewhere", there.edge.id), lost("s-gone", "e-gone"), lost("s-before", here.edge.id),
		})
		synctest.Wait()
		for id, want := range map[signaling.SessionID]bool{session: false, "s-elsewhere": false, "s-gone": true, "s-before": true} {
			ends := kept.ends[id]
			if (len(ends) == 1) != want {
				t.Errorf("%s: %+v", id, ends)
				continue
			}
			if want && (ends[0].Code != signaling.CodeEdgeGone || !ends[0].At.Equal(used)) {
				t.Errorf("%s: %+v", id, ends[0])
			}
		}
	})
}

func TestTheEndOfASessionThatOnlyItsEdgeKnowsIsKept(t *testing.T) {
	inCity(t, 1, func(c *city) {
		kept := newArchive()
		c.keep(c.nodes[0], kept)
		m := c.rig(1)
		m.connect(c.nodes[0])
		before := signaling.SessionID("s-" + string(m.edge.id) + "-ABCDEFGHIJKLMNOP")
		m.say(m.peer(), signaling.Ended{Session: before, Reason: signaling.NewError(signaling.CodeAppExited)})
		m.say(m.peer(), signaling.Ended{Session: "s-e-other-ABCDEFGHIJKLMNOP", Reason: signaling.NewError(signaling.CodeAppExited)})
		synctest.Wait()
		if ends := kept.ends[before]; len(kept.ends) != 1 || len(ends) != 1 || ends[0].Code != signaling.CodeAppExited {
			t.Errorf("%+v", kept.ends)
		}
	})
}
