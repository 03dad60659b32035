package main

import (
	"fmt"
	"log/slog"
	"slices"
	"time"

	"nearlight/signaling/studio"
)

// readStudios returns what a file says of studios, nil without one. known are those that have keys: what is said of others would limit nobody, and
// is a slip.
func readStudios(path string, known []string, logger *slog.Logger) (func() studio.Roster, error) {
	if path == "" {
		return nil, nil
	}
	parse := func(text []byte) (studio.Roster, error) {
		roster, err := studio.Parse(text)
		if err != nil {
			return studio.Roster{}, err
		}
		for _, name := range roster.Names() {
			if !slices.Contains(known, name) {
				return studio.Roster{}, fmt.Errorf("%s: no key is called so; say --verify-key %s=FILE", name, name)
			}
		}
		return roster, nil
	}
	file := &reloaded[studio.Roster]{path: path, limit: studio.MaxFile, parse: parse, now: time.Now, logger: logger}
	if err := file.open(); err != nil {
		return nil, usage("--studios: %w", err)
	}
	return file.get, nil
}
