package notary

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"nearlight/checker/epoch"
	"nearlight/checker/life"
	"nearlight/internal/identity"
)

// lives.log begins with what was known of all edges when it was compacted, and goes on with what happened since. It is compacted as an epoch ends, once more has
// happened than there are edges, so that it is as long as edges and an epoch make it, and no longer with the years.

const livesName = "lives.log"

func (n *Notary) livesPath() string { return filepath.Join(n.config.Folder, livesName) }

// file is what lives.log is written to.
type file interface {
	io.WriteCloser
	Sync() error
}

// disk is what compacting asks of the file system.
type disk struct {
	create     func(name string) (file, error)
	rename     func(from, to string) error
	remove     func(name string) error
	syncFolder func(name string) error
}

var systemDisk = disk{
	create: func(name string) (file, error) { return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644) },
	rename: os.Rename,
	remove: os.Remove,
	syncFolder: func(name string) error {
		folder, err := os.Open(name)
		if err != nil {
			return err
		}
		return errors.Join(folder.Sync(), folder.Close())
	},
}

// livesLine is a line of lives.log: one of its parts.
type livesLine struct {
	happened
	Kept *kept     `json:"kept,omitempty"`
	Told *happened `json:"told,omitempty"` // a verdict as it was heard of, which changes nothing any more
}

// kept is an edge, in place of what has happened to it.
type kept struct {
	Edge   identity.Address `json:"edge"`
	Life   life.Life        `json:"life"`
	Wished epoch.Millis     `json:"wished,omitempty"`
	Own    bool             `json:"own,omitempty"`

	// Together are the edges of its latest occasion that was decided, Asked is when that was set, and Failed whether it failed it.
	Together []identity.Address `json:"together,omitempty"`
	Asked    epoch.Millis       `json:"asked,omitempty"`
	Failed   bool               `json:"failed,omitempty"`
}

// restore takes a line of a compacted log.
func (n *Notary) restore(l livesLine) error {
	if k := l.Kept; k != nil {
		e := n.edge(k.Edge)
		e.life, e.wished, e.own = k.Life, k.Wished, k.Own
		e.company = company{at: k.Asked, failed: k.Failed, edges: k.Together}
		return nil
	}
	told, is := l.Told.told()
	if !is {
		return errors.New("a verdict without a task")
	}
	e := n.edge(l.Told.Edge)
	e.verdicts = append(e.verdicts, told)
	return nil
}

// heardOf is a verdict as a line of lives.log has it.
func (t Told) heardOf(by identity.Address) happened {
	h := happened{Edge: by, At: t.Decided, What: life.Decided.String(), Task: &t.Task, Check: t.Check, Result: t.Result, Set: t.At, Epoch: t.Epoch, Together: t.together}
	if t.Appeal != nil {
		h.Task, h.Again = t.Appeal, &t.Task
	}
	if t.Result == epoch.Failed {
		h.Findings = t.findings
	}
	return h
}

// compact writes lives.log anew. Until the new file is whole and on the disk the old one stays in its place, so that whenever the process is stopped one of
// them is there, and both say the same. What fails before that costs nothing but room: the old one goes on. An error says that nobody knows which of
// them will be there: nothing more can be kept then.
func (n *Notary) compact() error {
	if n.happenings <= len(n.edges) {
		return nil
	}
	path := n.livesPath() + ".new"
	compacted, err := n.writeLives(path)
	if err != nil {
		if compacted != nil {
			err = errors.Join(err, compacted.Close())
		}
		n.uncompacted(errors.Join(err, n.disk.remove(path)))
		return nil
	}
	if err := n.disk.rename(path, n.livesPath()); err != nil {
		err = errors.Join(err, compacted.Close())
		if removed := n.disk.remove(path); removed != nil { // else it was still there, and so is the old one
			return fmt.Errorf("notary: put %s in its place: %w", path, errors.Join(err, removed))
		}
		n.uncompacted(err)
		return nil
	}
	before := n.lives
	n.lives, n.happenings = compacted, 0
	// The old file may come back with a crash until the folder is on the disk, and would not have what is written from now on.
	if err := errors.Join(n.disk.syncFolder(n.config.Folder), before.Close()); err != nil {
		return fmt.Errorf("notary: %s was compacted: %w", n.livesPath(), err)
	}
	return nil
}

func (n *Notary) uncompacted(err error) {
	n.config.Log.Warn("what happened to edges cannot be compacted, and takes more room", "error", err)
}

// writeLives writes what is known of all edges, and has it on the disk. The file is returned with an error too, where there is one.
func (n *Notary) writeLives(path string) (file, error) {
	to, err := n.disk.create(path)
	if err != nil {
		return nil, err
	}
	lines := bufio.NewWriter(to)
	encoder := json.NewEncoder(lines)
	encoder.SetEscapeHTML(false)
	for _, address := range slices.SortedFunc(maps.Keys(n.edges), byAddress) {
		e := n.edges[address]
		if err := encoder.Encode(struct {
			Kept kept `json:"kept"`
		}{kept{address, e.life, e.wished, e.own, e.company.edges, e.company.at, e.company.failed}}); err != nil {
			return to, err
		}
		for _, t := range e.verdicts {
			if err := encoder.Encode(struct {
				Told happened `json:"told"`
			}{t.heardOf(address)}); err != nil {
				return to, err
			}
		}
	}
	return to, errors.Join(lines.Flush(), to.Sync())
}
