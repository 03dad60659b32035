//go:build !race

package location

const raceDetector = false
