package main

import (
	"errors"

	"github.com/spf13/cobra"

	"nearlight/internal/media"
	"nearlight/internal/scene/window"
)

func newScene() *cobra.Command {
	var config window.Config
	var size sizeValue
	c := &cobra.Command{
		Use:   "scene",
		Short: "Play the game that comes with Nearlight, on the X display at hand",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			config.Size, config.Logger = media.Size(size), newLogger(c.ErrOrStderr(), false)
			err := window.Run(c.Context(), config)
			if errors.Is(err, window.ErrUnavailable) || errors.Is(err, window.ErrNoDisplay) {
				return lacks(err)
			}
			return err
		},
	}
	c.Flags().Var(&size, "size", "size of the window (default: the whole screen)")
	c.Flags().IntVar(&config.FrameRate, "fps", 0, "frames per second (0: the game's own rate)")
	c.Flags().BoolVar(&config.Measure, "measure", false, "draw the measuring marker into every frame")
	c.Flags().BoolVar(&config.Challenge, "challenge", false, "draw what a checker types, in place of the game")
	return c
}
