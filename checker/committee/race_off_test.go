//go:build !race

package committee

const raceDetector = false
