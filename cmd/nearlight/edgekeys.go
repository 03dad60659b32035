package main

import (
	"bufio"
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"nearlight/internal/identity"
)

// maxEdgeKeys bounds the file of addresses that may register, in octets: some ten thousand.
const maxEdgeKeys = 1 << 20

// readEdgeKeys returns which edges may register by their keys alone, as a file says; nil without one.
func readEdgeKeys(path string, logger *slog.Logger) (func(identity.Address) bool, error) {
	if path == "" {
		return nil, nil
	}
	list := &reloaded[map[identity.Address]bool]{path: path, limit: maxEdgeKeys, parse: parseEdgeKeys, now: time.Now, logger: logger}
	if err := list.open(); err != nil {
		return nil, usage("--edge-keys: %w", err)
	}
	return func(a identity.Address) bool { return list.get()[a] }, nil
}

// parseEdgeKeys reads an address a line; what follows # is a remark.
func parseEdgeKeys(content []byte) (map[identity.Address]bool, error) {
	list := make(map[identity.Address]bool)
	lines := bufio.NewScanner(bytes.NewReader(content))
	for number := 1; lines.Scan(); number++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		address, err := identity.ParseAddress(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		list[address] = true
	}
	return list, lines.Err()
}
