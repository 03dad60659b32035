package claim

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nearlight/signaling"
)

// sessions are those that run by a token.
func (b *Book) sessions(token string) (all []signaling.SessionID) {
	for _, h := range b.holds[token] {
		all = append(all, h.Session)
	}
	return all
}

const (
	worldNodes  = 3
	worldTokens = 2
)

// world is a cluster: what its nodes say to each other is lost, repeated, reordered and held back, and nodes are cut off, until they are found
// to be, and come back, and are started anew. A claim that is granted leads to a session, at the node of its edge: that one holds it a little later,
// and the claim may be over before the session is.
type world struct {
	*rapid.T
	now   time.Time
	books [worldNodes]*Book
	names [worldNodes]string
	hears [worldNodes]map[string]bool // whom each node takes for alive
	cut   [worldNodes]bool
	split bool // nodes that do not hear each other have granted since the world was whole
	air   []func()
	next  int
	runs  []run // sessions, wherever they are
}

type run struct {
	node, home     int // of the player, and of the edge
	claim, session string
	token          string
	seated, parted bool // the home holds it; the player's node has let go of it
}

func (w *world) node(name string) int { return slices.Index(w.names[:], name) }

// send puts a message on its way to a node of a name, if neither is cut off, and when it arrives if it is still that one.
func (w *world) send(from int, to string, deliver func(int)) {
	as := w.names[from]
	if w.cut[from] {
		return
	}
	w.air = append(w.air, func() {
		if at := w.node(to); at >= 0 && !w.cut[at] && w.node(as) >= 0 && !w.cut[w.node(as)] {
			deliver(at)
		}
	})
}

func (w *world) claim() {
	at := rapid.IntRange(0, worldNodes-1).Draw(w.T, "node")
	number := rapid.IntRange(0, worldTokens-1).Draw(w.T, "token")
	w.next++
	c := Claim{Token: fmt.Sprint("t-", number), ID: fmt.Sprintf("%02d-%d", rapid.IntRange(0, 99).Draw(w.T, "id"), w.next), Once: number == 1, Until: w.now.Add(time.Hour).Unix()}
	var others []string
	for name := range w.hears[at] {
		others = append(others, name)
	}
	slices.Sort(others)
	switch w.books[at].Claim(c, others, w.now) {
	case Free:
		w.granted(at, c)
	case Pending:
		w.ask(at, c)
	}
}

func (w *world) ask(at int, c Claim) {
	c, silent := w.books[at].Asking(c.ID)
	for _, other := range silent {
		w.send(at, other, func(to int) {
			answer, _ := w.books[to].Asked(c, w.now)
			w.send(to, w.names[at], func(back int) {
				if w.books[back].Replied(w.names[to], c.ID, c.Try, answer) == Free {
					w.granted(back, c)
				}
			})
		})
	}
}

// again asks those who have not answered.
func (w *world) again() {
	for at, b := range w.books {
		for _, id := range sortedKeys(b.ids) {
			w.ask(at, b.ids[id].Claim)
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func (w *world) granted(at int, c Claim) {
	for other := range w.books {
		w.split = w.split || other != at && !w.hears[at][w.names[other]]
	}
	for _, r := range w.runs {
		if r.token == c.Token && !w.split {
			w.Fatalf("%s has a session at node %d, and is granted to %s at node %d", c.Token, r.node, c.ID, at)
		}
	}
	homes := []int{at}
	for other := range w.books {
		if w.hears[at][w.names[other]] && !w.cut[other] && !w.cut[at] {
			homes = append(homes, other)
		}
	}
	w.runs = append(w.runs, run{node: at, home: rapid.SampledFrom(homes).Draw(w.T, "home"), claim: c.ID, session: "s-" + c.ID, token: c.Token})
	if spent, tell := w.books[at].Began(c.ID); tell {
		for _, other := range sortedKeys(w.hears[at]) {
			w.send(at, other, func(to int) { w.books[to].Spend(spent.Token, spent.ID, spent.Until) })
		}
	}
}

// seat has the home of a session hold it.
func (w *world) seat() {
	if len(w.runs) > 0 {
		w.hold(&w.runs[rapid.IntRange(0, len(w.runs)-1).Draw(w.T, "session")])
	}
}

func (w *world) hold(r *run) {
	if b := w.books[r.home]; !r.seated && len(b.HoldsOf(r.token)) > 0 {
		w.stop(slices.IndexFunc(w.runs, func(other run) bool { return other.session == r.session }))
		return
	}
	r.seated = true
	w.books[r.home].Hold(Hold{Token: r.token, Session: signaling.SessionID(r.session), Since: w.now.UnixMilli(), Alone: true})
}

// part has a player be gone whose session waits for it.
func (w *world) part() {
	if len(w.runs) > 0 {
		if r := &w.runs[rapid.IntRange(0, len(w.runs)-1).Draw(w.T, "session")]; r.seated {
			r.parted = true
			w.books[r.node].Release(r.claim)
		}
	}
}

// end ends a session.
func (w *world) end() {
	if len(w.runs) > 0 {
		w.stop(rapid.IntRange(0, len(w.runs)-1).Draw(w.T, "session"))
	}
}

func (w *world) stop(i int) {
	r := w.runs[i]
	w.runs = slices.Delete(w.runs, i, i+1)
	w.books[r.home].Drop(r.token, signaling.SessionID(r.session))
	w.books[r.node].Release(r.claim)
}

func (w *world) deliver() {
	if len(w.air) == 0 {
		return
	}
	i := rapid.IntRange(0, len(w.air)-1).Draw(w.T, "message")
	m := w.air[i]
	if rapid.IntRange(0, 3).Draw(w.T, "copy") > 0 {
		w.air = slices.Delete(w.air, i, i+1)
	}
	m()
}

func (w *world) lose() {
	if len(w.air) > 0 {
		i := rapid.IntRange(0, len(w.air)-1).Draw(w.T, "message")
		w.air = slices.Delete(w.air, i, i+1)
	}
}

func (w *world) partition() {
	at := rapid.IntRange(0, worldNodes-1).Draw(w.T, "node")
	w.cut[at] = true
}

// notice has all nodes find out who is cut off, or is there no longer.
func (w *world) notice() {
	for at := range w.books {
		for _, name := range sortedKeys(w.hears[at]) {
			if other := w.node(name); other >= 0 && !w.cut[other] && !w.cut[at] {
				continue
			}
			delete(w.hears[at], name)
			decided := w.books[at].Lost(name)
			for _, id := range sortedKeys(decided) {
				if decided[id] == Free {
					w.granted(at, w.books[at].ids[id].Claim)
				}
			}
		}
	}
}

// hear has a node find another one.
func (w *world) hear(at, other int) {
	if name := w.names[other]; !w.hears[at][name] {
		w.hears[at][name] = true
		w.books[at].Found(name)
	}
}

// heal puts all nodes back, and has them tell each other what they know.
func (w *world) heal() {
	w.notice()
	w.cut = [worldNodes]bool{}
	for _, r := range slices.Clone(w.runs) {
		if i := slices.IndexFunc(w.runs, func(other run) bool { return other.session == r.session }); i >= 0 {
			w.hold(&w.runs[i])
		}
	}
	var ends []string
	for at, b := range w.books {
		for other, o := range w.books {
			if other == at {
				continue
			}
			w.hear(at, other)
			for _, session := range b.Told(o.Holds()) {
				ends = append(ends, string(session))
			}
			for _, c := range o.Spent() {
				b.Spend(c.Token, c.ID, c.Until)
			}
		}
	}
	for _, session := range ends {
		if i := slices.IndexFunc(w.runs, func(r run) bool { return r.session == session }); i >= 0 {
			w.stop(i)
		}
	}
	w.split = false
	w.check()
}

// restart has a node forget all, under another name; its sessions end with it here, since an edge that brings them to another node is like one that
// begins there.
func (w *world) restart() {
	at := rapid.IntRange(0, worldNodes-1).Draw(w.T, "node")
	for i := len(w.runs) - 1; i >= 0; i-- {
		switch r := &w.runs[i]; {
		case r.home == at || r.node == at && !r.seated:
			w.stop(i)
		case r.node == at:
			r.parted = true
		}
	}
	w.next++
	w.books[at], w.names[at], w.hears[at] = NewBook(), fmt.Sprint("n-", w.next), map[string]bool{}
	w.notice()
	if !w.cut[at] {
		for other, b := range w.books {
			if other != at && !w.cut[other] {
				w.hear(other, at)
				w.hear(at, other)
				for _, c := range b.Spent() {
					w.books[at].Spend(c.Token, c.ID, c.Until)
				}
			}
		}
	}
}

func (w *world) check() {
	if w.split {
		return
	}
	by := map[string]string{}
	for _, r := range w.runs {
		if other, twice := by[r.token]; twice {
			w.Fatalf("%s and %s run by %s", other, r.session, r.token)
		}
		by[r.token] = r.session
	}
}

// However messages are lost, repeated and reordered, a token has one session among nodes that hear each other; when a partition is over, it has
// one again; and whatever happened, it can be claimed once nobody has it.
func TestATokenHasOneSessionAndIsNeverLockedUp(t *testing.T) {
	for range 20 {
		rapid.Check(t, func(r *rapid.T) {
			w := &world{T: r, now: noon}
			for at := range w.books {
				w.books[at], w.names[at], w.hears[at] = NewBook(), fmt.Sprint("n", at), map[string]bool{}
			}
			w.heal()
			steps := map[string]func(*rapid.T){"": func(r *rapid.T) { w.T = r; w.check() }}
			for name, step := range map[string]func(){
				"claim": w.claim, "claim more": w.claim, "again": w.again, "deliver": w.deliver, "deliver more": w.deliver, "deliver most": w.deliver, "lose": w.lose,
				"seat": w.seat, "part": w.part, "end": w.end, "partition": w.partition, "notice": w.notice, "heal": w.heal, "restart": w.restart,
			} {
				steps[name] = func(r *rapid.T) { w.T = r; step() }
			}
			r.Repeat(steps)

			w.T = r
			w.heal()
			for range 200 { // all that is under way arrives, and whoever is not answered asks again
				w.again()
				for len(w.air) > 0 {
					m := w.air[0]
					w.air = w.air[1:]
					m()
				}
			}
			for at, b := range w.books {
				for id, o := range b.ids {
					if len(o.silent) > 0 {
						r.Fatalf("claim %s at node %d waits for %v for ever", id, at, o.silent)
					}
				}
			}
			for len(w.runs) > 0 {
				w.stop(0)
			}
			for at, b := range w.books {
				if len(b.own) != 0 || len(b.holds) != 0 || len(b.where) != 0 {
					r.Fatalf("node %d still has %v, %v", at, b.own, b.holds)
				}
				if got := b.Claim(Claim{Token: "t-0", ID: "last"}, nil, noon); got != Free {
					r.Fatalf("node %d: the token is %q after all", at, got)
				}
			}
		})
	}
}
