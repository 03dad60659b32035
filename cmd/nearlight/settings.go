package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"nearlight/internal/config"
)

// settle gives a command's flags what the environment and the settings file say, and returns where each came from.
// Without --config, ./nearlight.yaml is read if it is there.
func settle(c *cobra.Command) (map[string]config.Source, error) {
	const byDefault = "nearlight.yaml"
	name := c.Flags().Lookup("config").Value.String()
	if name == "" {
		name = os.Getenv(config.Prefix + "CONFIG")
	}
	var file *config.File
	opened, err := os.Open(cmpOr(name, byDefault))
	switch {
	case name == "" && errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, usage("open the settings file: %w", err)
	default:
		file, err = config.ReadFile(opened.Name(), opened)
		if err := errors.Join(err, opened.Close()); err != nil {
			return nil, usage("%w", err)
		}
	}
	sources, err := config.Apply(c.Flags(), os.Environ(), file, func(name string) bool { return isSetting(c.Root(), name) })
	if err != nil {
		return nil, usage("%w", err)
	}
	return sources, nil
}

func cmpOr(value, otherwise string) string {
	if value != "" {
		return value
	}
	return otherwise
}

// notSettings are flags that only make sense on one command line.
var notSettings = map[string]bool{"help": true}

// isSetting reports whether any command has a flag of that name.
func isSetting(root *cobra.Command, name string) bool {
	if notSettings[name] {
		return false
	}
	found := root.PersistentFlags().Lookup(name) != nil
	for _, c := range root.Commands() {
		found = found || c.Flags().Lookup(name) != nil || isSetting(c, name)
	}
	return found
}

func newConfig() *cobra.Command {
	return &cobra.Command{
		Use:   "config COMMAND [FLAG...]",
		Short: "Show each setting of a command, its value and where it came from",
		Long: "Shows what `nearlight COMMAND FLAG...` would run with. A flag wins over the environment (NEARLIGHT_*), that over the\n" +
			"settings file (--config, else ./nearlight.yaml), that over the default.",
		DisableFlagParsing: true,
		RunE: func(c *cobra.Command, arguments []string) error {
			if len(arguments) == 0 || arguments[0] == "--help" || arguments[0] == "-h" {
				return c.Help()
			}
			target, rest, err := c.Root().Find(arguments)
			if err != nil || target == c.Root() {
				return usage("there is no command %q; `nearlight --help` lists them", arguments[0])
			}
			if err := target.ParseFlags(rest); err != nil {
				return usage("%w", err)
			}
			sources, err := settle(target)
			if err != nil {
				return err
			}
			target.Flags().VisitAll(func(flag *pflag.Flag) {
				if !notSettings[flag.Name] {
					_, failed := fmt.Fprintf(c.OutOrStdout(), "%-16s %-24s %s\n", flag.Name, flag.Value, sources[flag.Name])
					err = errors.Join(err, failed)
				}
			})
			return err
		},
	}
}
