package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

// version is set by the build (-ldflags -X main.version=...).
var version = "unknown"

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, what is built in, and the binary's licence",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			libraries, licence := builtIn()
			_, err := fmt.Fprintf(c.OutOrStdout(), "nearlight %s (%s, %s/%s)\nbuilt in: %s\nlicence of this binary: %s\n",
				version, runtime.Version(), runtime.GOOS, runtime.GOARCH, libraries, licence)
			return err
		},
	}
}
