//go:build race

package quality_test

const raceDetector = true
