//go:build !race

package e2etest

// RaceDetector says whether tests and program are watched for races.
const RaceDetector = false
