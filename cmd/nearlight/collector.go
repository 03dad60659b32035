package main

import (
	"os"
	"runtime/debug"
)

// collectorPercent is how much an edge's heap grows before it is collected. Little of it lives long, and WebRTC below us allocates
// for each packet: collecting less often leaves more of the processor to encoding (docs/performance.md has the figures), for memory
// that an edge has.
const collectorPercent = 400

// relaxCollector sets it, unless GOGC says otherwise.
func relaxCollector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectorPercent)
	}
}

// frugalPercent is how much garbage a signaling node lets pile up, in percent of what it holds: it holds a little of each of many thousand
// sockets, and makes little garbage.
const frugalPercent = 80

// frugalCollector sets it, unless GOGC says otherwise.
func frugalCollector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(frugalPercent)
	}
}
