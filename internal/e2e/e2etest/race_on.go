//go:build race

package e2etest

const raceDetector = true
