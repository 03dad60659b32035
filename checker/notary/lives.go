package notary

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"

	"nearlight/checker/epoch"
	"nearlight/checker/life"
	"nearlight/internal/identity"
)

// edge is what is known of one.
type edge struct {
	life     life.Life
	standing epoch.Standing
	listed   bool   // in the epoch's log
	open     int    // tasks that are not decided yet
	share    uint64 // what it has of the pot of the epoch before
	earned   uint64 // with that and all before

	name    string
	present bool
	since   epoch.Millis // since when it is present, or is not, as far as this process knows
	graded  epoch.Millis // for how long it was away when that was told last
	free    int          // slots
	block   netip.Prefix // that it connects from
	backer  string       // by whom it is endorsed; "": nobody

	company company // of its latest occasion

	claim   *epoch.Claim // where it says that it is now, or said last
	said    bool         // to this process
	located *epoch.Located
	closed  string // why nobody can visit it as players do

	tried   map[life.Check]attempt
	appeals map[epoch.Hash]attempt // of checks that are done again, by the task that was first

	verdicts []Told       // newest last
	wished   epoch.Millis // when its owner signed the wish that was taken last
	wishes   int          // that were taken in this epoch
	own      bool         // its owner has drained it: only its owner ends that
}

// attempt is the last time that a check was set.
type attempt struct {
	at        epoch.Millis
	stretch   epoch.Millis // the last stretch that was looked at
	undecided int          // tasks in a row that nobody decided
}

// happened is a line of lives.log.
type happened struct {
	Edge   identity.Address `json:"edge"`
	At     epoch.Millis     `json:"at"`
	What   string           `json:"what"`
	For    epoch.Millis     `json:"for,omitempty"`
	Task   *epoch.Hash      `json:"task,omitempty"`
	Check  life.Check       `json:"check,omitempty"`
	Result epoch.Result     `json:"result,omitempty"`
	Set    epoch.Millis     `json:"set,omitempty"`

	Signed   epoch.Millis    `json:"signed,omitempty"`   // of an owner's wish
	Epoch    uint64          `json:"epoch,omitempty"`    // of a verdict
	Again    *epoch.Hash     `json:"again,omitempty"`    // of a verdict on appeal: its own task, where Task is the one that was first
	Findings []epoch.Finding `json:"findings,omitempty"` // of a check that failed

	Together []identity.Address `json:"together,omitempty"` // the edges of the occasion, of a verdict on one of its tasks
}

// kinds are the kinds of events by their names.
var kinds = func() map[string]life.What {
	named := make(map[string]life.What)
	for w := life.Decided; w <= life.Upheld; w++ {
		named[w.String()] = w
	}
	return named
}()

func (h happened) event() (life.Event, error) {
	what, known := kinds[h.What]
	if !known {
		return life.Event{}, fmt.Errorf("unknown event %.64q", h.What)
	}
	e := life.Event{At: h.At, What: what, For: h.For, Check: h.Check, Result: h.Result, Set: h.Set}
	if h.Task != nil {
		e.Task = *h.Task
	}
	return e, nil
}

// openLives replays what happened to edges. A last line without an end is cut off.
func (n *Notary) openLives() (err error) {
	path := n.livesPath()
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("notary: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("notary: %s: %w", path, err), file.Close())
		}
	}()
	whole := int64(0)
	lines := bufio.NewReaderSize(file, epoch.MaxLine)
	for number := 1; ; number++ {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		whole += int64(len(line))
		n.happenings++
		if err := n.relive(line); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
	if err := file.Truncate(whole); err != nil {
		return err
	}
	if _, err := file.Seek(whole, io.SeekStart); err != nil {
		return err
	}
	n.lives = file
	return n.restart()
}

func (n *Notary) relive(line []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	var l livesLine
	if err := decoder.Decode(&l); err != nil {
		return err
	}
	if l.Kept != nil || l.Told != nil {
		return n.restore(l)
	}
	h := l.happened
	event, err := h.event()
	if err != nil {
		return err
	}
	if event.What == life.Decided {
		n.told[event.Task] = true
	}
	e := n.edge(h.Edge)
	if e.life, err = e.life.After(event); err == nil {
		e.learn(h)
	}
	return err
}

// restart ends the sessions of which nobody heard the end: whoever runs tells anew.
func (n *Notary) restart() error {
	for address, e := range n.edges {
		for range e.life.Sessions {
			if err := n.happen(address, happened{What: life.Ended.String()}); err != nil {
				return err
			}
		}
	}
	return nil
}

// edge is the record of an edge, which is made where there is none.
func (n *Notary) edge(address identity.Address) *edge {
	e := n.edges[address]
	if e == nil {
		e = &edge{tried: make(map[life.Check]attempt), appeals: make(map[epoch.Hash]attempt)}
		n.edges[address] = e
	}
	return e
}

// learn takes what a line says besides its event.
func (e *edge) learn(h happened) {
	if h.Signed != 0 {
		e.wished, e.own = h.Signed, h.What == life.Drain.String()
	}
	if len(h.Together) > 0 && h.Result != epoch.Undecided {
		e.company = company{at: h.Set, failed: h.Result == epoch.Failed, edges: h.Together}
	}
	if told, is := h.told(); is {
		e.tell(told)
	}
}

// Happened tells what happened to an edge just now: a player's session began or ended, an operator drains it or no longer. What its owner has drained stays so.
// The error is of the disk.
func (n *Notary) Happened(address identity.Address, what life.What) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if e := n.edges[address]; what == life.Return && e != nil && e.own && e.life.Drained {
		return nil
	}
	if err := n.happen(address, happened{What: what.String()}); err != nil {
		return fmt.Errorf("notary: %w", err)
	}
	return nil
}

// happen takes what happened to an edge now, or at a time. What a life refuses, since it does not fit, changes nothing. The error is of the disk.
func (n *Notary) happen(address identity.Address, h happened) error {
	err := n.live(address, h)
	if errors.Is(err, life.ErrRefused) || errors.Is(err, life.ErrEvent) {
		n.config.Log.Debug("an event changes nothing", "edge", address, "event", h.What, "reason", err)
		return nil
	}
	return err
}

// live takes what happened to an edge now, or at a time. The error wraps life's, or is of the disk.
func (n *Notary) live(address identity.Address, h happened) error {
	e := n.edge(address)
	if h.Edge = address; h.At == 0 {
		h.At = epoch.Millis(n.config.Now().UnixMilli())
	}
	h.At = max(h.At, e.life.At)
	event, err := h.event()
	if err != nil {
		return err
	}
	next, err := e.life.After(event)
	if err != nil {
		return err
	}
	line, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if _, err := n.lives.Write(append(line, '\n')); err != nil {
		return err
	}
	n.happenings++
	if h.lasts(event.What) {
		if err := n.lives.Sync(); err != nil {
			return err
		}
	}
	if next.State != e.life.State {
		n.config.Log.Info("an edge's state has changed", "edge", address, "from", e.life.State, "to", next.State, "by", event.What)
	}
	e.life = next
	e.learn(h)
	return nil
}

// lasts reports whether nobody would tell this again after a crash.
func (h happened) lasts(what life.What) bool {
	switch what {
	case life.Decided, life.Granted, life.Upheld, life.Appeal:
		return true
	}
	return h.Signed != 0
}
