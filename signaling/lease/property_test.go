package lease

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"nearlight/signaling"
)

// world is one edge, several nodes of signaling that know of it what reached them, and a network that loses, repeats, reorders and
// holds back. Time is a number, on the edge's monotonic clock. All other clocks may be off by any amount and may jump: a node's shows in the time
// that it proposes, the edge's wall clock in what it signs.
type world struct {
	*rapid.T
	now   Instant
	table *Table
	log   []Record          // what the edge's disk has
	ttl   time.Duration     // of all leases
	views [][]Slot          // what each node believes
	cut   []bool            // nodes that nothing reaches
	air   []func()          // messages under way, in any order
	next  int               // numbers sessions
	told  map[Ref]string    // leases that left the edge, and whose
	due   map[Ref]Instant   // when the holder was renewed until
	runs  map[string]Ref    // sessions as the edge runs them
	past  map[string]string // the token of each session
	wall  int64             // what the edge's wall clock shows, in seconds
	left  map[Ref]signaling.Lease
}

const (
	worldSlots = 3
	worldNodes = 3
)

func (w *world) propose() {
	node := rapid.IntRange(0, worldNodes-1).Draw(w.T, "node")
	slot := rapid.IntRange(0, worldSlots-1).Draw(w.T, "slot")
	session, token := fmt.Sprint("s-", w.next), fmt.Sprint("t-", rapid.IntRange(0, 4).Draw(w.T, "token"))
	if w.next > 0 && rapid.IntRange(0, 4).Draw(w.T, "again") == 0 { // another node proposes for the same session: its player went there
		session = fmt.Sprint("s-", rapid.IntRange(0, w.next-1).Draw(w.T, "session"))
		token = w.past[session]
	} else {
		w.next++
		w.past[session] = token
	}
	p := Proposal{Slot: slot, Expect: w.views[node][slot].Epoch, Session: signaling.SessionID(session), Token: token, TTL: w.ttl}
	if rapid.IntRange(0, 3).Draw(w.T, "clock") == 0 { // the node means another time than it says
		p.TTL = time.Duration(rapid.Int64Range(-int64(time.Hour), int64(time.Hour)).Draw(w.T, "ttl"))
	}
	w.send(node, func() { w.receive(node, p) })
}

// jump sets the edge's wall clock.
func (w *world) jump() { w.wall = rapid.Int64Range(0, 1<<40).Draw(w.T, "wall") }

// send puts a message on its way, if the node is not cut off.
func (w *world) send(node int, deliver func()) {
	if !w.cut[node] {
		w.air = append(w.air, deliver)
	}
}

// deliver takes any of the messages under way; a copy may stay.
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

// receive is the edge.
func (w *world) receive(node int, p Proposal) {
	held, fresh, err := w.table.Propose(w.now, p)
	w.expire()
	if err == nil && (p.TTL < signaling.MinLease || p.TTL > signaling.MaxLease) {
		w.Fatalf("a lease of %v is granted", p.TTL)
	}
	if err == nil {
		if fresh {
			if w.due[Ref{held.Slot, held.Epoch - 1}] > w.now && w.runs[w.told[Ref{held.Slot, held.Epoch - 1}]] == (Ref{held.Slot, held.Epoch - 1}) {
				w.Fatalf("slot %d is given to %s while %s holds it", held.Slot, p.Session, w.told[Ref{held.Slot, held.Epoch - 1}])
			}
			if held.Epoch != p.Expect+1 {
				w.Fatalf("a proposal for epoch %d is granted epoch %d: it may be of long ago", p.Expect+1, held.Epoch)
			}
			if rapid.IntRange(0, 9).Draw(w.T, "crash") == 0 { // before the epoch is on the disk: nobody has heard of the lease
				w.crash()
				return
			}
			signed := signaling.Lease{Slot: held.Slot, Epoch: held.Epoch, Session: held.Session, Token: held.Token, ExpiresAt: w.wall}
			w.log = append(w.log, GrantOf(signed, w.wall))
			if before, twice := w.left[held.Ref]; twice {
				w.Fatalf("%+v and %+v are signed: the edge has proved that it gave an epoch away twice", before, signed)
			}
			w.left[held.Ref] = signed
		}
		if whose, known := w.told[held.Ref]; known && whose != string(held.Session) {
			w.Fatalf("slot %d, epoch %d was given to %s and to %s", held.Slot, held.Epoch, whose, held.Session)
		}
		w.told[held.Ref], w.due[held.Ref], w.runs[string(held.Session)] = string(held.Session), held.Until, held.Ref
	}
	w.tell(node)
}

func (w *world) tell(node int) {
	slots := w.table.Slots(w.now)
	w.send(node, func() { w.views[node] = slots })
}

func (w *world) status() { w.tell(rapid.IntRange(0, worldNodes-1).Draw(w.T, "node")) }

func (w *world) expire() {
	for _, over := range w.table.Expire(w.now) {
		if w.due[over.Ref] > w.now {
			w.Fatalf("the lease of %s ends at %v, it was renewed until %v", over.Session, w.now, w.due[over.Ref])
		}
		w.log = append(w.log, Record{Event: Expired, Slot: over.Slot, Epoch: over.Epoch})
		delete(w.runs, string(over.Session))
	}
}

func (w *world) pick() (string, Ref, bool) {
	if len(w.runs) == 0 {
		return "", Ref{}, false
	}
	sessions := make([]string, 0, len(w.runs))
	for s := range w.runs {
		sessions = append(sessions, s)
	}
	slices.Sort(sessions)
	s := rapid.SampledFrom(sessions).Draw(w.T, "session")
	return s, w.runs[s], true
}

func (w *world) renew() {
	if _, ref, some := w.pick(); some {
		if err := w.table.Renew(w.now, ref, w.ttl); err == nil {
			w.due[ref] = w.now + w.ttl
		}
		w.expire()
	}
}

func (w *world) release() {
	if session, ref, some := w.pick(); some {
		if w.table.Release(w.now, ref) {
			w.log = append(w.log, Record{Event: Released, Slot: ref.Slot, Epoch: ref.Epoch})
			delete(w.runs, session)
		}
		w.expire()
	}
}

// late releases or renews a lease of the past once more.
func (w *world) late() {
	refs := make([]Ref, 0, len(w.told))
	for ref, session := range w.told {
		if w.runs[session] != ref {
			refs = append(refs, ref)
		}
	}
	if len(refs) == 0 {
		return
	}
	slices.SortFunc(refs, func(a, b Ref) int { return cmp.Or(a.Slot-b.Slot, cmp.Compare(a.Epoch, b.Epoch)) })
	ref := rapid.SampledFrom(refs).Draw(w.T, "past")
	if w.table.Release(w.now, ref) || w.table.Renew(w.now, ref, w.ttl) == nil {
		w.Fatalf("%+v of the past is taken for the present", ref)
	}
	w.expire()
}

// crash ends the edge's process; its sessions end with it.
func (w *world) crash() {
	w.log = append(w.log, Record{Event: Started})
	w.table = New(Epochs(make([]signaling.Epoch, worldSlots), w.log))
	w.runs = map[string]Ref{}
}

// forget restarts a node: all that it knew is gone.
func (w *world) forget() {
	w.views[rapid.IntRange(0, worldNodes-1).Draw(w.T, "node")] = make([]Slot, worldSlots)
}

func (w *world) partition() {
	node := rapid.IntRange(0, worldNodes-1).Draw(w.T, "node")
	w.cut[node] = !w.cut[node]
}

func (w *world) wait() {
	w.now += time.Duration(rapid.Int64Range(0, int64(2*w.ttl)).Draw(w.T, "wait"))
	w.expire()
}

func (w *world) check() {
	if err := Audit(w.log); err != nil {
		w.Fatal(err)
	}
	tokens := map[string]bool{}
	for _, held := range w.table.Holders(w.now) {
		if tokens[held.Token] {
			w.Fatalf("token %s holds two leases", held.Token)
		}
		tokens[held.Token] = true
	}
}

// Whatever the network and the nodes do, no slot has two holders and no epoch is given twice; and whatever they did, each slot
// is free again once the TTL has passed, and can be had by a node that hears of it.
func TestNoSlotIsEverHeldTwiceNorForEver(t *testing.T) {
	for range 20 { // a hundred runs each; the rarest way to break the rules that was tried takes some hundreds
		rapid.Check(t, func(r *rapid.T) {
			w := &world{
				T: r, table: New(make([]signaling.Epoch, worldSlots)), ttl: 10 * time.Second, cut: make([]bool, worldNodes),
				told: map[Ref]string{}, due: map[Ref]Instant{}, runs: map[string]Ref{}, past: map[string]string{}, left: map[Ref]signaling.Lease{},
			}
			for range worldNodes {
				w.views = append(w.views, make([]Slot, worldSlots))
			}
			steps := map[string]func(*rapid.T){"": func(*rapid.T) { w.check() }}
			for name, step := range map[string]func(){
				"propose": w.propose, "deliver": w.deliver, "deliver more": w.deliver, "lose": w.lose, "status": w.status, "renew": w.renew,
				"release": w.release, "late": w.late, "crash": w.crash, "forget": w.forget, "partition": w.partition, "wait": w.wait, "jump": w.jump,
			} {
				steps[name] = func(r *rapid.T) { w.T = r; step() }
			}
			r.Repeat(steps)

			w.T, w.air, w.now = r, nil, w.now+signaling.MaxLease // nobody renews
			w.expire()
			for slot, s := range w.table.Slots(w.now) {
				if _, fresh, err := w.table.Propose(w.now, Proposal{
					Slot: slot, Expect: s.Epoch, Session: signaling.SessionID(fmt.Sprint("last-", slot)), Token: fmt.Sprint("last-", slot), TTL: w.ttl,
				}); !fresh || err != nil {
					r.Fatalf("slot %d is not free after all: %v", slot, err)
				}
			}
		})
	}
}
