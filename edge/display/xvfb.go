package display

import (
	"fmt"

	"nearlight/edge/sandbox"
	"nearlight/internal/media"
)

// xvfb completes the command of an X server that draws into memory. It starts at the largest size, because it cannot grow.
func xvfb(command *sandbox.Command, server []string, largest media.Size) {
	command.Args = append(append([]string{"Xvfb"}, server...),
		"-screen", "0", fmt.Sprintf("%vx24", largest), "-dpms", "+extension", "RANDR")
}
