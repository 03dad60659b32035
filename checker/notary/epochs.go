package notary

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"nearlight/checker/committee"
	"nearlight/checker/epoch"
	"nearlight/checker/life"
	"nearlight/internal/identity"
)

// openEpoch opens the last log of the folder, and begins the next where that one is closed, or the first.
func (n *Notary) openEpoch() error {
	last, err := n.last()
	if err != nil {
		return fmt.Errorf("notary: %w", err)
	}
	if last == 0 {
		return n.begin(1, epoch.Hash{}, epoch.Outcome{})
	}
	log, torn, err := epoch.Open(n.path(last))
	if err != nil {
		return fmt.Errorf("notary: %w", err)
	}
	if torn {
		n.config.Log.Warn("the log was cut off in the middle of an entry, which nobody was told of; it goes on from the one before", "epoch", last)
	}
	if end, sealed := log.End(); sealed {
		outcome, err := log.Outcome()
		if err := errors.Join(err, log.Close()); err != nil {
			return fmt.Errorf("notary: %w", err)
		}
		return n.begin(last+1, end.Root, outcome)
	}
	n.log, n.number = log, last
	if err := n.reread(); err != nil {
		return errors.Join(fmt.Errorf("notary: %s: %w", n.path(last), err), log.Close())
	}
	if len(n.tasks) == 0 { // perhaps not even its head is whole, and who is licensed may be others now
		outcome, previous, err := n.before(last)
		if err := errors.Join(err, log.Close()); err != nil {
			return err
		}
		if err := os.Remove(n.path(last)); err != nil {
			return fmt.Errorf("notary: %w", err)
		}
		return n.begin(last, previous, outcome)
	}
	return nil
}

// before is what the epoch before one has come to.
func (n *Notary) before(number uint64) (epoch.Outcome, epoch.Hash, error) {
	if number <= 1 {
		return epoch.Outcome{}, epoch.Hash{}, nil
	}
	log, _, err := epoch.Open(n.path(number - 1))
	if err != nil {
		return epoch.Outcome{}, epoch.Hash{}, fmt.Errorf("notary: %w", err)
	}
	outcome, err := log.Outcome()
	end, sealed := log.End()
	if err == nil && !sealed {
		err = fmt.Errorf("notary: %s has no end, and there is a later one", n.path(number-1))
	}
	return outcome, end.Root, errors.Join(err, log.Close())
}

// last is the number of the folder's last log, 0 where there is none.
func (n *Notary) last() (last uint64, err error) {
	files, err := os.ReadDir(n.config.Folder)
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		name, is := strings.CutPrefix(f.Name(), "epoch-")
		name, also := strings.CutSuffix(name, ".log")
		number, err := strconv.ParseUint(name, 10, 64)
		if is && also && err == nil {
			last = max(last, number)
		}
	}
	return last, nil
}

// begin begins an epoch with who is licensed and with all edges that are known.
func (n *Notary) begin(number uint64, previous epoch.Hash, before epoch.Outcome) error {
	log, _, err := epoch.Open(n.path(number))
	if err != nil {
		return fmt.Errorf("notary: %w", err)
	}
	n.log, n.number, n.begun, n.entries, n.previous = log, number, 0, 0, previous
	n.tasks, n.roster = make(map[epoch.Hash]*task), make(map[identity.Address]*epoch.Checker)
	for _, e := range n.edges {
		e.listed, e.wishes = false, 0
		maps.DeleteFunc(e.appeals, func(first epoch.Hash, _ attempt) bool {
			failure, counts := e.life.Failure(first)
			return !counts || failure.Appeal != life.Asked
		})
	}
	n.terms = n.config.Terms
	same := n.terms != nil && before.Terms != nil && n.terms.Currency == before.Terms.Currency
	for _, e := range n.edges {
		e.share, e.earned = 0, 0
	}
	for _, e := range before.Edges {
		known := n.edge(e.Address)
		known.standing, known.located = e.Standing, e.Located
		if !known.said {
			known.claim = e.Claim
		}
		if same {
			known.share, known.earned = e.Share, e.Earned
		}
	}
	found := make(map[identity.Address]epoch.Score)
	for _, s := range before.Scores {
		found[s.Address] = s
	}
	entries := []epoch.Entry{{Head: &epoch.Head{
		Epoch: number, Previous: previous, Seats: n.config.Committee.Seats, Minimum: n.config.Committee.Minimum, Cap: n.config.Cap, Uncapped: n.config.Uncapped,
		Terms: n.terms,
	}}}
	for _, c := range n.config.Checkers() {
		c.Score, c.Tasks, c.Earned = committee.Newcomer, 0, 0
		if s, known := found[c.Address]; known {
			c.Score, c.Tasks = s.Score, s.Tasks
			if same {
				c.Earned = s.Earned
			}
		}
		entries = append(entries, epoch.Entry{Checker: &c})
		running := c // its score moves on, the log's does not
		n.roster[c.Address] = &running
	}
	for _, address := range slices.SortedFunc(maps.Keys(n.edges), byAddress) {
		entries = append(entries, n.list(address))
	}
	if err := n.append(entries...); err != nil {
		return fmt.Errorf("notary: begin epoch %d: %w", number, err)
	}
	return nil
}

// list is the entry of an edge.
func (n *Notary) list(address identity.Address) epoch.Entry {
	e := n.edges[address]
	e.listed = true
	return epoch.Entry{Edge: &epoch.Edge{Address: address, Standing: e.standing, Claim: e.claim, Located: e.located, Share: e.share, Earned: e.earned}}
}

// seal closes the epoch, and begins the next. What is changed is where edges are said to be.
func (n *Notary) seal(changed map[identity.Address]bool) error {
	outcome, err := n.log.Outcome()
	if err != nil {
		return err
	}
	end, err := n.log.Seal()
	if err := errors.Join(err, n.log.Close()); err != nil {
		return err
	}
	for _, e := range outcome.Edges {
		if known := n.edge(e.Address); known.whereabouts() != whereabouts(e.Located, known.claim) {
			changed[e.Address] = true
		}
		if l := e.Located; l != nil && l.Impossible && (n.edge(e.Address).located == nil || !n.edge(e.Address).located.Impossible) {
			n.config.Log.Info("an edge cannot be where it says that it is", "edge", e.Address, "checkers", l.Excluding, "of", l.Reports, "km", l.Beyond)
		}
	}
	n.config.Log.Info("an epoch of checks is over", "epoch", end.Epoch, "entries", end.Entries, "root", end.Root)
	if err := n.compact(); err != nil {
		return err
	}
	return n.begin(n.number+1, end.Root, outcome)
}

// reread takes up what an unfinished log has.
func (n *Notary) reread() error {
	n.tasks, n.roster = make(map[epoch.Hash]*task), make(map[identity.Address]*epoch.Checker)
	file, err := os.Open(n.path(n.number))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	err = epoch.Scan(file, func(e epoch.Entry, _ []byte) error {
		n.entries++
		switch {
		case e.Head != nil:
			n.previous, n.terms = e.Head.Previous, e.Head.Terms
		case e.Checker != nil:
			running := *e.Checker
			n.roster[running.Address] = &running
		case e.Edge != nil:
			known := n.edge(e.Edge.Address)
			known.standing, known.listed, known.located = e.Edge.Standing, true, e.Edge.Located
			if !known.said {
				known.claim = e.Edge.Claim
			}
			known.share, known.earned = e.Edge.Share, e.Edge.Earned
		case e.Task != nil:
			return n.note(*e.Task)
		case e.Drawn != nil:
			n.noteDrawn(e.Drawn.Round)
		case e.Commitment != nil:
			n.tasks[e.Commitment.Task].committed[e.Commitment.Checker] = e.Commitment.Commitment
			n.at = max(n.at, e.Commitment.At)
		case e.Report != nil:
			n.tasks[e.Report.Task].reported[e.Report.Checker] = true
			n.at = max(n.at, e.Report.At)
		}
		return nil
	})
	return errors.Join(err, file.Close())
}
