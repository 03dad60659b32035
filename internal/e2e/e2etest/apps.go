package e2etest

import "strconv"

// Clock is the command line of an app that draws 59.7 times a second.
func Clock() []string { return []string{binary, "clock"} }

// Challenged is the command line of the app that checkers challenge machines by, at a frame rate.
func Challenged(frameRate int) []string {
	return []string{binary, "scene", "--challenge", "--fps", strconv.Itoa(frameRate)}
}

// Stubborn is the command line of an app that draws nothing and does not end when it is asked to. Its process is named sh.
func Stubborn() []string {
	return []string{"sh", "-c", `trap "" TERM; echo running; while :; do sleep 0.1; done`}
}
