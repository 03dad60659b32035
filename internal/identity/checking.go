package identity

import "time"

// Commitment is what a checker signs before it shows what it has found: the hash of its report on a task.
type Commitment struct {
	Task       [32]byte
	Commitment [32]byte
}

const commitmentType = "Commitment(bytes32 task,bytes32 commitment)"

// Digest is what the checker signs.
func (c Commitment) Digest() Digest {
	return digestOf(commitmentType, c.Task, c.Commitment)
}

// Report is what a checker signs when it shows what it has found. Commitment is the hash of all of it, so that this signature is of all of it.
type Report struct {
	Task       [32]byte
	Commitment [32]byte
}

const reportType = "Report(bytes32 task,bytes32 commitment)"

// Digest is what the checker signs.
func (r Report) Digest() Digest {
	return digestOf(reportType, r.Task, r.Commitment)
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
func (p Pass) Current(now time.Time) error {
	switch {
	case now.Sub(p.At) > LoginLife:
		return ErrExpired
	case p.At.Sub(now) > Skew:
		return ErrNotYet
	}
	return nil
}
