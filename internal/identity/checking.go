package identity

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
