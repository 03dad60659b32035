//go:build race

package location

const raceDetector = true
