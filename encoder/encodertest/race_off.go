//go:build !race

package encodertest

const raceDetector = false
