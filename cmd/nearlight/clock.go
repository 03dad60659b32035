package main

import (
	"errors"

	"github.com/spf13/cobra"

	"nearlight/internal/clockapp"
)

func newClock() *cobra.Command {
	var rate float64
	c := &cobra.Command{
		Use:    "clock",
		Short:  "Draw the benchmarks' clock: a picture whose age can be read from it",
		Hidden: true, // started by bench, on the session's display
		Args:   noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			err := clockapp.Run(c.Context(), clockapp.Config{Rate: rate, Logger: newLogger(c.ErrOrStderr(), false)})
			if errors.Is(err, clockapp.ErrUnavailable) {
				return lacks(err)
			}
			return err
		},
	}
	c.Flags().Float64Var(&rate, "rate", clockapp.DefaultRate, "pictures a second")
	return c
}
