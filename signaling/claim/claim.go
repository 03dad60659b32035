// Package claim sees to it that a token has one lease at a time over all nodes of a cluster, and one session ever where it is for one.
//
// # Vocabulary
//
// A claim is a node's wish to have a player begin by a token. A hold is a session by a token that an edge of a node runs. A token is spent when
// a session has begun by a claim that said the token is for one.
//
// # The protocol
//
//	node A -- ask {token, claim} --> every other node that it hears
//	node A <-- reply: free, taken or spent -- each of them
//	node A -- spent {token, claim} --> them, when a session has begun by a token that is for one
//
// A node says taken where it has a hold by the token, or a claim of its own that was granted; of two claims that meet while both are
// asked about, the one with the smaller id goes on, which both nodes find alike. A claim is granted when all have said free. A node that is lost
// is not waited for, and nor is anybody for longer than the caller's patience: nobody is locked out by a node that is silent.
//
// So two nodes that do not hear each other may each grant a claim by one token. When they do again, each tells the other its holds
// (Told), and both find which of two sessions is the one to end: the one that began later, or, where both began by one claim, the one that its player
// has left. What the token's issuer loses to a partition is a
// second session for as long as that lasts, and once for each part.
//
// That a token is spent is told to all, and by all to a node that is new: it is known as long as any node is that has heard of it.
//
// What happens twice, or late, or in another order does no harm. The package is pure: no clock, no network. A Book is not safe for concurrent use.
package claim

import (
	"cmp"
	"slices"
	"time"

	"nearlight/signaling"
)

// Claim is one wish to begin by a token.
type Claim struct {
	Token string `json:"token"` // signaling.TokenID
	ID    string `json:"id"`    // random: whose is smaller goes first
	// Once says that the token is good for one session ever, and Until for how long that has to be remembered, in seconds since 1970.
	Once  bool  `json:"once,omitempty"`
	Until int64 `json:"until,omitempty"`
	// Try grows when a node is asked that was lost: what it has said before counts no more.
	Try int `json:"try,omitempty"`
}

// Answer is what a node says to a claim.
type Answer string

// The answers.
const (
	Pending Answer = ""      // others have not said yet
	Free    Answer = "free"  // to an ask: as far as this node knows; of a claim: it is granted
	Taken   Answer = "taken" // a session runs by the token, or is about to
	Spent   Answer = "spent" // the session that the token was good for has begun
	Full    Answer = "full"  // so many tokens are spent that no further one can be remembered
)

// Hold is a session that runs by a token.
type Hold struct {
	Token   string              `json:"token"`
	Session signaling.SessionID `json:"session"`
	// Since is when its player began, in milliseconds since 1970; Unattended where its player is not known here yet.
	Since int64 `json:"since"`
	// Alone says that the token is known to be for one session at a time. It is not known of a session whose player is not.
	Alone bool `json:"alone,omitempty"`
	Turn
}

// Turn says by which claim a session began, and as which of it: a player whose session comes to nothing, or whose edge is lost, is given another one
// by the same claim. The zero value is for one of which that is not known.
type Turn struct {
	Claim string `json:"claim,omitempty"`
	N     int    `json:"turn,omitempty"` // from 1 on
}

// Unattended is later than any time: a session without a player makes room for one that has one.
const Unattended = 1<<53 - 1

// before reports whether h stays where it and other cannot both. Of those by one claim that is the newest: its player has left the others, whatever the
// nodes that have them have heard.
func (h Hold) before(other Hold) bool {
	if h.Claim != "" && h.Claim == other.Claim && h.N != other.N {
		return h.N > other.N
	}
	return cmp.Or(cmp.Compare(h.Since, other.Since), cmp.Compare(h.Session, other.Session)) < 0
}

// The bounds of what a book remembers.
const (
	maxSpent = 1 << 17 // some ten MiB
	maxFreed = 1 << 12
	maxHolds = 1 << 20
)

// clockSlack is how much longer than its expiry says a token may be taken: more than its verifier's leeway.
const clockSlack = time.Minute

// Book is what a node knows of claims.
//
//	          Claim            all have said free             Began
//	(none) ------------> asked -------------------> granted ------------> granted, its token spent
//	  ^                    |                           |                      |
//	  '-- taken or spent --+--------- Release ---------+----------------------'
type Book struct {
	own   map[string]*own                  // by token
	ids   map[string]*own                  // the same by claim
	holds map[string][]Hold                // by token
	where map[signaling.SessionID]struct{} // the sessions in holds
	spent map[string]spender
	freed map[string]struct{} // claims whose beginning came to nothing; a copy of the news of it may be under way
	order []string            // of freed, oldest first
}

type own struct {
	Claim
	silent []string // who has not answered; empty: granted
	began  bool
}

// spender is by which claim a token is spent.
type spender struct {
	claim string
	until int64
}

// NewBook makes an empty book.
func NewBook() *Book {
	return &Book{
		own: make(map[string]*own), ids: make(map[string]*own), holds: make(map[string][]Hold), where: make(map[signaling.SessionID]struct{}),
		spent: make(map[string]spender), freed: make(map[string]struct{}),
	}
}

// Claim begins a claim. Free grants it at once, where there is nobody to ask; with Pending the caller asks these others.
func (b *Book) Claim(c Claim, others []string, now time.Time) Answer {
	switch {
	case b.isSpent(c.Token, now):
		return Spent
	case b.own[c.Token] != nil, len(b.holds[c.Token]) > 0:
		return Taken
	case c.Once && !b.room(now):
		return Full
	}
	o := &own{Claim: c, silent: slices.Clone(others)}
	b.own[c.Token], b.ids[c.ID] = o, o
	return o.answer()
}

func (o *own) answer() Answer {
	if len(o.silent) == 0 {
		return Free
	}
	return Pending
}

// Asked answers another node's claim. lost names a claim of this node's that made room for it, "" for none: its player hears that the token is taken.
func (b *Book) Asked(c Claim, now time.Time) (answer Answer, lost string) {
	if b.isSpent(c.Token, now) {
		return Spent, ""
	}
	if len(b.holds[c.Token]) > 0 {
		return Taken, ""
	}
	if o := b.own[c.Token]; o != nil {
		if len(o.silent) == 0 || o.ID <= c.ID {
			return Taken, ""
		}
		b.forget(o)
		lost = o.ID
	}
	return Free, lost
}

// Replied takes another node's answer to a try, and returns what has become of the claim: Pending also for one that is over, or was granted before.
func (b *Book) Replied(from, id string, try int, answer Answer) Answer {
	o := b.ids[id]
	if o == nil || o.Try != try || !slices.Contains(o.silent, from) {
		return Pending
	}
	if answer == Taken || answer == Spent {
		b.forget(o)
		return answer
	}
	o.silent = slices.DeleteFunc(o.silent, func(other string) bool { return other == from })
	if len(o.silent) == 0 && len(b.holds[o.Token]) > 0 { // another node's player has begun here meanwhile
		b.forget(o)
		return Taken
	}
	return o.answer()
}

// Lost has nobody wait for a node, and returns the claims of which that decides something.
func (b *Book) Lost(node string) map[string]Answer {
	decided := make(map[string]Answer)
	for id, o := range b.ids {
		if !slices.Contains(o.silent, node) {
			continue
		}
		if answer := b.Replied(node, id, o.Try, Free); answer != Pending {
			decided[id] = answer
		}
	}
	return decided
}

// Found has the claims that are asked about wait for a node that has come, or is heard again.
func (b *Book) Found(node string) {
	for _, o := range b.own {
		if len(o.silent) > 0 && !slices.Contains(o.silent, node) {
			o.silent = append(o.silent, node)
			o.Try++
		}
	}
}

// Asking is a claim as it is to be asked about now, and the nodes that have not answered it; none where it is over, or granted.
func (b *Book) Asking(id string) (c Claim, silent []string) {
	if o := b.ids[id]; o != nil {
		return o.Claim, slices.Clone(o.silent)
	}
	return Claim{}, nil
}

// Granted reports whether a claim is this node's, and granted.
func (b *Book) Granted(id string) bool {
	o := b.ids[id]
	return o != nil && len(o.silent) == 0
}

// Began notes that a session has begun by a claim. tell says that its token is spent by that, which the others have to hear.
func (b *Book) Began(id string) (c Claim, tell bool) {
	o := b.ids[id]
	if o == nil || !o.Once || o.began {
		return Claim{}, false
	}
	o.began = true
	b.Spend(o.Token, o.ID, o.Until)
	return o.Claim, true
}

// Undone takes Began back: what was begun has come to nothing. tell says that the others have to hear that the token is not spent.
func (b *Book) Undone(id string) (c Claim, tell bool) {
	o := b.ids[id]
	if o == nil || !o.began {
		return Claim{}, false
	}
	o.began = false
	b.Unspend(o.Token, o.ID)
	return o.Claim, true
}

// Release ends a claim; what is spent stays so.
func (b *Book) Release(id string) {
	if o := b.ids[id]; o != nil {
		b.forget(o)
	}
}

func (b *Book) forget(o *own) {
	delete(b.own, o.Token)
	delete(b.ids, o.ID)
}

// Spend notes that a token is spent, by a claim or whatever else began by it, until a time in seconds since 1970.
func (b *Book) Spend(token, by string, until int64) {
	if _, undone := b.freed[by]; undone {
		return
	}
	if before, there := b.spent[token]; there && before.until >= until {
		return
	}
	if len(b.spent) < maxSpent {
		b.spent[token] = spender{by, until}
	}
}

// Unspend notes that what a token was spent by has come to nothing.
func (b *Book) Unspend(token, by string) {
	if _, known := b.freed[by]; !known {
		b.freed[by] = struct{}{}
		if b.order = append(b.order, by); len(b.order) > maxFreed {
			delete(b.freed, b.order[0])
			b.order = b.order[1:]
		}
	}
	if before, there := b.spent[token]; there && before.claim == by {
		delete(b.spent, token)
	}
}

// isSpent reports whether a token is spent.
func (b *Book) isSpent(token string, now time.Time) bool {
	by, there := b.spent[token]
	if there && by.over(now) {
		delete(b.spent, token)
		return false
	}
	return there
}

func (s spender) over(now time.Time) bool { return now.After(time.Unix(s.until, 0).Add(clockSlack)) }

// room reports whether one more token can be remembered.
func (b *Book) room(now time.Time) bool {
	if len(b.spent) < maxSpent {
		return true
	}
	for token, by := range b.spent {
		if by.over(now) {
			delete(b.spent, token)
		}
	}
	return len(b.spent) < maxSpent
}

// Spent are all tokens that are remembered as spent, each with by what and until when, for who has not heard of them.
func (b *Book) Spent() []Claim {
	all := make([]Claim, 0, len(b.spent))
	for token, by := range b.spent {
		all = append(all, Claim{Token: token, ID: by.claim, Once: true, Until: by.until})
	}
	return all
}

// Hold notes a session that runs here, or that more is known of one. Whether another one by its token does is for the caller to look at.
func (b *Book) Hold(h Hold) {
	b.Drop(h.Token, h.Session)
	if len(b.where) >= maxHolds {
		return
	}
	b.holds[h.Token] = append(b.holds[h.Token], h)
	b.where[h.Session] = struct{}{}
}

// Drop forgets a session that has ended, or runs elsewhere.
func (b *Book) Drop(token string, session signaling.SessionID) {
	if _, here := b.where[session]; !here {
		return
	}
	rest := slices.DeleteFunc(b.holds[token], func(h Hold) bool { return h.Session == session })
	if len(rest) == 0 {
		delete(b.holds, token)
	} else {
		b.holds[token] = rest
	}
	delete(b.where, session)
}

// Holds are all sessions that run here, for who has not heard of them.
func (b *Book) Holds() []Hold {
	all := make([]Hold, 0, len(b.where))
	for _, holds := range b.holds {
		all = append(all, holds...)
	}
	return all
}

// Told compares what runs elsewhere with what runs here, and returns which sessions of this node's have to end because another by the same token
// stays.
func (b *Book) Told(others []Hold) (end []signaling.SessionID) {
	for _, other := range others {
		for _, h := range b.holds[other.Token] {
			if h.Session != other.Session && (h.Alone || other.Alone) && other.before(h) && !slices.Contains(end, h.Session) {
				end = append(end, h.Session)
			}
		}
	}
	return end
}

// HoldsOf are the sessions that run here by a token.
func (b *Book) HoldsOf(token string) []Hold { return slices.Clone(b.holds[token]) }
