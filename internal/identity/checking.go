package identity

import "time"

// Commitment is what a checker signs before it shows what it has found: the hash of its report on a task.
type Commitment struct {
	Task       [32]byte
	Commitment [32]byte
}

const commitmentType = "Commitment(bytes32 task,bytes32 commitment)"

// Of these two a log has very many.
var commitmentHash, reportHash = typeHash(commitmentType), typeHash(reportType)

// Digest is what the checker signs.
func (c Commitment) Digest() Digest {
	return digestOfType(commitmentHash, c.Task, c.Commitment)
}

// Report is what a checker signs when it shows what it has found. Commitment is the hash of all of it, so that this signature is of all of it.
type Report struct {
	Task       [32]byte
	Commitment [32]byte
}

const reportType = "Report(bytes32 task,bytes32 commitment)"

// Digest is what the checker signs.
func (r Report) Digest() Digest {
	return digestOfType(reportHash, r.Task, r.Commitment)
}

// Pass is what a checker signs to be given a token for the edge of a task. At is when, in whole seconds.
type Pass struct {
	Task [32]byte
	At   time.Time
}

const passType = "Pass(bytes32 task,uint64 at)"

// Digest is what the checker signs.
func (p Pass) Digest() Digest { return digestOf(passType, p.Task, instant(p.At)) }

// Current fails unless the request is of now, as far as clocks agree: with ErrExpired or ErrNotYet.
func (p Pass) Current(now time.Time) error { return current(p.At, now) }

// Appeal is what an edge signs to have a check done again that it has failed. A task is of one network, so that this is worth nothing at another.
type Appeal struct {
	Task [32]byte
	At   time.Time // whole seconds
}

const appealType = "Appeal(bytes32 task,uint64 at)"

// Digest is what the edge signs.
func (a Appeal) Digest() Digest { return digestOf(appealType, a.Task, instant(a.At)) }

// Current fails unless the appeal is of now, as far as clocks agree: with ErrExpired or ErrNotYet.
func (a Appeal) Current(now time.Time) error { return current(a.At, now) }

// Wish is what an edge signs to go on leave, to come back or to be taken out, for the host that it has asked, so that who runs one network cannot show
// it at another.
type Wish struct {
	Host string // as Login.Host
	What string // drain, return, leave, revoke
	At   time.Time
}

const wishType = "Wish(string host,string what,uint64 at)"

// Digest is what the edge signs.
func (w Wish) Digest() Digest { return digestOf(wishType, text(w.Host), text(w.What), instant(w.At)) }

// Current fails unless the wish is of now, as far as clocks agree: with ErrExpired or ErrNotYet.
func (w Wish) Current(now time.Time) error { return current(w.At, now) }

// current is of what is asked for at once, and is good for as long as a login.
func current(at, now time.Time) error {
	switch {
	case now.Sub(at) > LoginLife:
		return ErrExpired
	case at.Sub(now) > Skew:
		return ErrNotYet
	}
	return nil
}
