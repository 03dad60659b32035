package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"nearlight/encoder"
	"nearlight/internal/bench"
	"nearlight/internal/corpus"
	"nearlight/internal/media"
)

// timingsFile lies in the user's cache folder: what encoders take on this machine, so that it is measured once for each
// version of a library and not at every start.
const timingsFile = "nearlight/encoders.json"

// timingsKept bounds the file: old versions, sizes and machines fall out.
const timingsKept = 200

// timingPictures is how many pictures are drawn to measure with.
const timingPictures = 6

// secondChance is for how long an encoder that was too slow is believed to be: it may have met a busy machine.
const secondChance = 24 * time.Hour

// timings measures encoders, or remembers what was measured.
type timings struct {
	path   string // "" for no memory
	logger *slog.Logger
	now    func() time.Time
	known  map[string]timing // by key
}

// timing is what was measured of one encoder.
type timing struct {
	Speeds []time.Duration `json:"speeds"` // for a picture, from the fastest on
	At     time.Time       `json:"at"`
}

// holds reports whether a measurement need not be made again.
func (m timing) holds(frameRate int, now time.Time) bool {
	return len(m.Speeds) > 0 && (encoder.FastEnough(m.Speeds[0], frameRate) || now.Sub(m.At) < secondChance)
}

// newTimings reads what is remembered. A file that is missing or damaged is made anew.
func newTimings(logger *slog.Logger) *timings {
	t := &timings{logger: logger, now: time.Now, known: map[string]timing{}}
	folder, err := os.UserCacheDir()
	if err != nil {
		logger.Debug("encoders are measured at every start: there is no cache folder", "error", err)
		return t
	}
	t.path = filepath.Join(folder, timingsFile)
	content, err := os.ReadFile(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		return t
	}
	if err == nil {
		err = json.Unmarshal(content, &t.known)
	}
	if err != nil || t.known == nil || len(t.known) > timingsKept {
		logger.Debug("encoders are measured anew", "file", t.path, "error", err)
		t.known = map[string]timing{}
	}
	return t
}

// key names a measurement.
func (t *timings) key(c encoder.Candidate, config encoder.Config, m bench.Machine) string {
	return fmt.Sprintf("%s %s, %v at %v, %d x %s", c.Name, c.Version, config.Size, config.Bitrate, m.Cores, m.CPU)
}

// measure returns what every candidate takes that can be opened, measuring those that are not remembered one after the
// other until ctx ends.
func (t *timings) measure(ctx context.Context, l encoder.Ladder, config encoder.Config) encoder.Timings {
	config, err := config.Resolve()
	if err != nil {
		t.logger.Warn("encoders are not measured", "error", err)
		return nil
	}
	machine, found, changed := bench.ThisMachine(), encoder.Timings{}, false
	var pictures []*media.Frame // drawn when they are needed
	for _, candidate := range l {
		if ctx.Err() != nil {
			break
		}
		key := t.key(candidate, config, machine)
		if known := t.known[key]; known.holds(config.FrameRate, t.now()) {
			found[candidate.Name] = known.Speeds
			continue
		}
		if pictures == nil {
			if pictures, err = corpus.Render(corpus.Film, config.Size, timingPictures, 1); err != nil {
				t.logger.Warn("encoders are not measured", "error", err)
				return found
			}
		}
		speeds, err := candidate.Time(config, pictures)
		if err != nil {
			t.logger.Debug("encoder is not measured", "encoder", candidate.Name, "error", err)
			continue
		}
		t.logger.Debug("encoder is measured", "encoder", candidate.Name, "pictures", speeds)
		found[candidate.Name] = speeds
		t.known[key], changed = timing{speeds, t.now()}, true
	}
	if changed {
		if err := t.save(); err != nil {
			t.logger.Debug("encoders will be measured again", "error", err)
		}
	}
	return found
}

// save replaces the file in one step, so that nobody reads half of it.
func (t *timings) save() error {
	if t.path == "" {
		return nil
	}
	for key := range t.known { // whichever: they can be measured again
		if len(t.known) <= timingsKept {
			break
		}
		delete(t.known, key)
	}
	content, err := json.MarshalIndent(t.known, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(t.path), 0o755); err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(t.path), filepath.Base(t.path))
	if err != nil {
		return err
	}
	_, err = next.Write(content)
	if err = errors.Join(err, next.Close()); err == nil {
		err = os.Rename(next.Name(), t.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(next.Name()))
	}
	return nil
}
