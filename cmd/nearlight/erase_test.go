package main

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nearlight/internal/store"
)

func TestAPersonIsShownAndErasedByTheCommand(t *testing.T) {
	database := filepath.Join(t.TempDir(), "store.db")
	kept, err := store.Open(t.Context(), store.Config{Database: database})
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- kept.Run(running) }()
	for _, entry := range []store.Entry{
		store.Begin{Session: "s-1", At: time.Now()},
		store.Sit{Session: "s-1", Seat: "player", Part: store.Playing, Player: "ada", Token: "jti-1", At: time.Now()},
	} {
		if err := kept.Write(t.Context(), entry); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	if err := errors.Join(<-ran, kept.Close()); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		arguments []string
		says      string
		exit      int
	}{
		{[]string{"--database", database, "--player-id", "ada", "--show"}, `"Player":"ada"`, exitDone},
		{[]string{"--database", database, "--player-id", "ada"}, "erased: 1 rows", exitDone},
		{[]string{"--database", database, "--player-id", "ada"}, "erased: 0 rows", exitDone},
		{[]string{"--database", database}, "", exitUsage},
		{[]string{"--player-id", "ada"}, "", exitUsage},
		{[]string{"--database", database + "x", "--player-id", "ada"}, "", exitUsage},
	} {
		root := newRoot()
		var out bytes.Buffer
		root.SetOut(&out)
		root.SetArgs(append([]string{"erase"}, step.arguments...))
		err := root.ExecuteContext(t.Context())
		var failed *failure
		if exit := exitDone; errors.As(err, &failed) {
			if exit = failed.exit; exit != step.exit {
				t.Errorf("%q: %v", step.arguments, err)
			}
		} else if err != nil || step.exit != exitDone || !strings.Contains(out.String(), step.says) {
			t.Errorf("%q: %q %v", step.arguments, out.String(), err)
		}
	}
}
