// Command nearlight is all of Nearlight in one program: the whole network in one process (up), its parts (signaling,
// edge), the games it brings (scene), and what looks after them (doctor, config, token, wallet, admin, erase, bench).
//
// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 something the machine lacks.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// Exit codes; other programs rely on them.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
	exitLacks  = 3
)

// tidyTime is more than any command takes to end in good order: an app has 2 s to save.
const tidyTime = 3 * time.Second

func main() { os.Exit(run(os.Args[1:])) }

func run(arguments []string) int {
	// An impatient second Ctrl-C does not keep the first from tidying up; one that comes after tidyTime ends the program
	// the hard way.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, func() { time.AfterFunc(tidyTime, stop) })

	root := newRoot()
	root.SetArgs(arguments)
	err := root.ExecuteContext(ctx)
	if err == nil || errors.Is(err, context.Canceled) {
		return exitDone
	}
	fmt.Fprintln(os.Stderr, "nearlight:", err)
	var failure *failure
	if errors.As(err, &failure) {
		return failure.exit
	}
	return exitFailed
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "nearlight",
		Short: "Cloud rendering that feels local",
		Long: "Nearlight renders a game on a machine near the player and streams it into a browser tab.\n" +
			"Start with `nearlight up`: it prints a link to play.",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs, // cobra's own refusal would exit with another code
		RunE: func(c *cobra.Command, arguments []string) error {
			if len(arguments) == 0 {
				return c.Help()
			}
			return usage("there is no command %q; `nearlight --help` lists them", arguments[0])
		},
	}
	root.DisableFlagsInUseLine = true
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usage("%w; `%s --help` lists the flags", err, c.CommandPath())
	})
	root.PersistentFlags().String("config", "", "settings file (YAML); flags and NEARLIGHT_* variables win over it")
	root.AddCommand(
		newUp(), newEdge(), newSignaling(), // the network and its parts
		newScene(), newClock(), // what it can show by itself
		newDoctor(), newConfig(), newToken(), newWallet(), newAdmin(), newChecker(), newErase(), newVersion(), newBench(),
	)
	for _, c := range root.Commands() {
		c.DisableFlagsInUseLine = true // each says itself where its flags go
	}
	return root
}
