package main

import (
	"os"
	"runtime/debug"
)

// collectorPercent is how much an edge's heap grows before it is collected. What lives is some 10 MB, and a few hundred small
// allocations a frame (WebRTC's, below us) would have it collected several times a second, on cores that encode. The price
// is tens of megabytes.
const collectorPercent = 400

// relaxCollector sets it, unless GOGC says otherwise.
func relaxCollector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectorPercent)
	}
}
