package e2etest

// Clock is the command line of an app that draws 59.7 times a second.
func Clock() []string { return []string{binary, "clock"} }

// Stubborn is the command line of an app that draws nothing and does not end when it is asked to. Its process is named sh.
func Stubborn() []string {
	return []string{"sh", "-c", `trap "" TERM; echo running; while :; do sleep 0.1; done`}
}
