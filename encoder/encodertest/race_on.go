//go:build race

package encodertest

const raceDetector = true
