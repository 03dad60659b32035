package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// aptGet makes a program that stands in for apt-get: a shell script with the game's path in $GAME.
func aptGet(t *testing.T, script string) (*Installer, Description) {
	t.Helper()
	folder := t.TempDir()
	game := filepath.Join(folder, "game")
	t.Setenv("GAME", game)
	program := filepath.Join(folder, "apt-get")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return &Installer{Program: program}, Description{Name: "game", Title: "The Game", Package: "game", Program: game}
}

const appears = `printf '#!/bin/sh\n' > $GAME; chmod +x $GAME`

func TestInstallShowsItsProgress(t *testing.T) {
	installer, game := aptGet(t, `
		echo dlstatus:1:40.0:Retrieving file 1 of 2 >&3
		echo pmstatus:game:0.0:Preparing game >&3
		echo pmstatus:dpkg-exec:20.0:Running dpkg >&3
		echo pmstatus:game:80.0:Unpacking game >&3
		echo nonsense >&3
		case "$*" in *" -- game") `+appears+`;; esac`)
	var said []string
	if err := installer.Install(t.Context(), game, func(percent int, line string) { said = append(said, fmt.Sprint(percent, " ", line)) }); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"0 Looking for game", "20 Retrieving file 1 of 2", "50 Preparing game", "60 Running dpkg", "90 Unpacking game", "100 The Game is installed",
	}
	if !slices.Equal(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
	if !game.Installed() {
		t.Error("it is not installed")
	}
}

func TestInstallFetchesTheListOfPackagesWhereThereIsNone(t *testing.T) {
	installer, game := aptGet(t, `
		case "$*" in
		*update) touch $GAME.list;;
		*) if [ -e $GAME.list ]; then `+appears+`; else echo 'E: Unable to locate package game' >&2; exit 100; fi;;
		esac`)
	if err := installer.Install(t.Context(), game, func(int, string) {}); err != nil {
		t.Fatal(err)
	}
}

func TestInstallSaysWhyItFailed(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, step := range []struct {
		reason, script, want string
		ctx                  context.Context
	}{
		{"apt-get's own words", "echo Reading; echo 'E: You have held broken packages.' >&2; exit 100", "The Game could not be installed: exit status 100: You have held broken packages.", t.Context()},
		{"its last lines when it gave no reason", "echo dying; exit 1", "exit status 1: dying", t.Context()},
		{"a package without the program", "exit 0", "package game has no program", t.Context()},
		{"given up", "sleep 100", context.Canceled.Error(), cancelled},
	} {
		installer, game := aptGet(t, step.script)
		if err := installer.Install(step.ctx, game, func(int, string) {}); !errors.Is(err, ErrInstall) || !strings.Contains(err.Error(), step.want) {
			t.Errorf("%s: %v", step.reason, err)
		}
	}
	if err := (&Installer{}).Install(t.Context(), Command("/opt/game"), func(int, string) {}); !errors.Is(err, ErrInstall) {
		t.Errorf("a command was installed: %v", err)
	}
}

func FuzzParseStatus(f *testing.F) {
	f.Add("pmstatus:game:80.0:Unpacking game")
	f.Add("dlstatus:1:NaN:x")
	f.Fuzz(func(t *testing.T, line string) {
		if percent, _, ok := parseStatus(line); ok && (percent < 0 || percent > 100) {
			t.Errorf("%q is %d percent", line, percent)
		}
	})
}
