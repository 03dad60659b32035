// Command build compiles the double of NVIDIA's driver into the folder given, for tests that are not written in Go.
package main

import (
	"fmt"
	"os"

	"nearlight/encoder/nvenc/fakedriver"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: build FOLDER")
		os.Exit(2)
	}
	if err := fakedriver.Build(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
