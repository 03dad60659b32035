package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// failure is an error that ends the program with a code of its own.
type failure struct {
	exit int
	err  error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// usage is what a person did wrong on the command line.
func usage(format string, arguments ...any) error {
	return &failure{exitUsage, fmt.Errorf(format, arguments...)}
}

// lacks is what this machine or this build does not have.
func lacks(err error) error { return &failure{exitLacks, err} }

// noArguments is cobra.NoArgs with our exit code.
func noArguments(c *cobra.Command, arguments []string) error {
	if len(arguments) > 0 {
		return usage("%s takes no arguments, got %q", c.CommandPath(), arguments)
	}
	return nil
}
