package duty

import (
	"context"
	"maps"
	"slices"
	"time"

	"nearlight/checker/committee"
	"nearlight/checker/epoch"
	"nearlight/checker/exam"
)

// Beacon is public randomness, as checker/beacon gets it.
type Beacon interface {
	// TimeOf is when a round comes.
	TimeOf(round uint64) time.Time
	// Value is a round's value, of which is known that it is the beacon's.
	Value(ctx context.Context, round uint64) ([32]byte, error)
}

// hear takes up a task until its round comes. One that is told of when its round has come was perhaps chosen by whom it draws.
func (d *Duty) hear(set epoch.Task) {
	now := d.config.Now()
	comes := d.config.Beacon.TimeOf(set.Round)
	switch live := set.At.Time().After(d.since); {
	case comes.UnixMilli() != int64(set.DrawnAt):
		d.config.Log.Error("a task is left alone, since it says of its round another time than the beacon", "edge", set.Edge, "check", set.Check, "round", set.Round, "says", set.DrawnAt.Time(), "beacon", comes)
	case live && !now.Before(comes):
		d.config.Log.Error("a task is left alone, since it was told of only when its round of the beacon had come", "edge", set.Edge, "check", set.Check, "round", set.Round, "came", comes)
	default:
		d.waiting[set.Round] = append(d.waiting[set.Round], set)
	}
}

// forge says that a log has made up a round of the beacon.
func (d *Duty) forge(round uint64) {
	d.config.Log.Error("tasks are left alone, since the log has another value of their round than the beacon", "round", round)
}

// draw finds out for which tasks this checker is drawn by rounds that have come.
func (d *Duty) draw(ctx context.Context) error {
	now := d.config.Now()
	for _, round := range slices.Sorted(maps.Keys(d.waiting)) {
		if now.Before(d.config.Beacon.TimeOf(round)) {
			return nil // nor have those after it
		}
		value, told := d.told[round]
		if d.opens(round) { // else it is only to know what was missed, and what is in the journal was made sure of before
			if now.Before(d.asked.Add(soon)) {
				return nil
			}
			asking, stop := context.WithTimeout(ctx, telling)
			own, err := d.config.Beacon.Value(asking, round)
			stop()
			switch {
			case err != nil:
				d.asked = d.config.Now()
				d.config.Log.Warn("the beacon does not tell a round that tasks wait for; it is asked again", "round", round, "error", err)
				return nil
			case told && value != own:
				d.forge(round)
				delete(d.waiting, round)
				continue
			}
			value, d.own[round] = own, own
		} else if !told {
			continue // nobody reports before it is told
		}
		for _, set := range d.waiting[round] {
			if err := d.consider(set, value); err != nil {
				return err
			}
		}
		delete(d.waiting, round)
	}
	return nil
}

// opens reports whether a round draws for a task that can still be reported on, and of which the journal has nothing.
func (d *Duty) opens(round uint64) bool {
	now := d.config.Now()
	return slices.ContainsFunc(d.waiting[round], func(t epoch.Task) bool {
		id, err := t.ID()
		_, is := d.journal.tasks[epoch.Hash(id)]
		return err == nil && !is && now.Before(t.CommitBy.Time())
	})
}

// consider finds out whether this checker is drawn for a task.
func (d *Duty) consider(set epoch.Task, value epoch.Hash) (err error) {
	if d.roster == nil {
		if d.roster, err = committee.NewRoster(d.listed, d.head.Cap); err != nil {
			return err
		}
	}
	draw, err := set.Draw(d.head.Seats, value)
	if err != nil {
		return err
	}
	id := draw.Task
	proof, output := d.config.Draw.Prove(draw.Input())
	if !draw.Drawn(d.roster, d.id, output) {
		return nil
	}
	a := &assignment{Task: set, occasion: draw.Occasion, proof: proof, moment: exam.Moment(set, output).Time()}
	known, is := d.journal.tasks[epoch.Hash(id)]
	a.entry = Entry{Epoch: d.epoch, Task: epoch.Hash(id), Check: set.Check, Edge: set.Edge.String(), At: set.At}
	if is {
		a.entry = known
	}
	if !is && d.config.Now().Before(set.CommitBy.Time()) {
		d.config.Log.Info("drawn to look at an edge", "edge", set.Edge, "check", set.Check, "at", a.moment)
	}
	d.tasks[a.entry.Task] = a
	return nil
}
