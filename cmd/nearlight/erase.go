package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"nearlight/internal/store"
)

func newErase() *cobra.Command {
	var database string
	var person store.Person
	var show bool
	c := &cobra.Command{
		Use:   "erase --database DATABASE (--player-id ID | --token-id ID)",
		Short: "Erase a person from the store, or show what it has of them",
		Long: "Takes a player's id, their tokens' ids and their addresses off all that is kept of sessions, and their name off the audit log.\n" +
			"The seconds they used stay, as nobody's; the audit log says that an erasure was done. Signaling may run meanwhile.\n" +
			"--show changes nothing and prints the person's seats as JSON, one a line. docs/privacy.md says what is kept, and for how long.",
		Example: "  nearlight erase --database nearlight.db --player-id 4711 --show\n  nearlight erase --database postgres://db/nearlight --token-id QK3ZC7",
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := settle(c); err != nil {
				return err
			}
			if (person.Player == "") == (person.Token == "") {
				return usage("name the person by --player-id or by --token-id, one of them")
			}
			kept, err := openStore(c.Context(), database)
			if err != nil {
				return err
			}
			if show {
				return errors.Join(showPerson(c, kept, person), kept.Close())
			}
			rows, err := erasePerson(c.Context(), kept, person)
			if err := errors.Join(err, kept.Close()); err != nil {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "erased: %d rows\n", rows)
			return err
		},
	}
	c.Flags().StringVar(&database, "database", "", "file of the store (SQLite), or postgres://USER:PASSWORD@HOST/NAME")
	c.Flags().StringVar(&person.Player, "player-id", "", "the player's id, as tokens have it")
	c.Flags().StringVar(&person.Token, "token-id", "", "the id (jti) of a token that somebody played or watched with")
	c.Flags().BoolVar(&show, "show", false, "print what is kept of the person, and erase nothing")
	return c
}

// openStore opens a store that is there already.
func openStore(ctx context.Context, database string) (*store.Store, error) {
	if database == "" {
		return nil, usage("--database is missing: the file of the store, or postgres://USER:PASSWORD@HOST/NAME")
	}
	if !strings.Contains(database, "://") {
		if _, err := os.Stat(strings.TrimPrefix(database, "sqlite:")); errors.Is(err, fs.ErrNotExist) {
			return nil, usage("--database %s: there is no such file", database)
		}
	}
	return store.Open(ctx, store.Config{Database: database})
}

func erasePerson(ctx context.Context, kept *store.Store, person store.Person) (rows int64, err error) {
	running, stop := context.WithCancel(ctx)
	defer stop()
	group := new(errgroup.Group)
	group.Go(func() error { return kept.Run(running) })
	rows, err = kept.Erase(ctx, person, "nearlight erase")
	stop()
	return rows, errors.Join(err, group.Wait())
}

func showPerson(c *cobra.Command, kept *store.Store, person store.Person) error {
	seats, err := kept.Kept(c.Context(), person)
	if err != nil {
		return err
	}
	encoder := json.NewEncoder(c.OutOrStdout())
	for _, seat := range seats {
		if err := encoder.Encode(seat); err != nil {
			return err
		}
	}
	return nil
}
