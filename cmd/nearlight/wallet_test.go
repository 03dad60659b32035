package main

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nearlight/internal/identity"
)

// command runs a command of the program within the test and returns what it printed.
func command(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	root := newRoot()
	root.SetOut(&out)
	root.SetArgs(arguments)
	err := root.ExecuteContext(t.Context())
	return strings.TrimSpace(out.String()), err
}

// private writes a file that only its owner can read.
func private(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func wantUsage(t *testing.T, err error, says ...string) {
	t.Helper()
	var f *failure
	if !errors.As(err, &f) || f.exit != exitUsage {
		t.Errorf("%v is no wrong usage", err)
		return
	}
	for _, part := range says {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

func TestAWalletIsMadeShownAndNeverOverwritten(t *testing.T) {
	pass, file := private(t, "pass", "sesame\n"), filepath.Join(t.TempDir(), "wallet")
	made, err := command(t, "wallet", "new", "--light", "--wallet", file, "--passphrase-file", pass)
	if err != nil {
		t.Fatal(err)
	}
	for _, arguments := range [][]string{nil, {"--passphrase-file", pass}, {"--passphrase-command", "echo sesame"}} {
		shown, err := command(t, append([]string{"wallet", "show", "--wallet", file}, arguments...)...)
		if err != nil || shown != made {
			t.Errorf("%q, %v; want %s", shown, err, made)
		}
	}
	_, err = command(t, "wallet", "new", "--light", "--wallet", file, "--passphrase-file", pass)
	wantUsage(t, err, "there already")
	_, err = command(t, "wallet", "show", "--wallet", file, "--passphrase-command", "echo wrong")
	wantUsage(t, err, "passphrase is wrong")
	_, err = command(t, "wallet", "new", "--wallet", file+"2")
	wantUsage(t, err, "--passphrase-file", "--passphrase-command")
	_, err = command(t, "wallet", "new", "--wallet", file+"2", "--passphrase-file", pass+"2")
	wantUsage(t, err, "openssl rand")
	_, err = command(t, "wallet", "sell")
	wantUsage(t, err, "sell")
}

func TestAWalletTakesAnothersKey(t *testing.T) {
	key, err := identity.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	secret, file := private(t, "secret", hex.EncodeToString(key.Secret())+"\n"), filepath.Join(t.TempDir(), "wallet")
	shown, err := command(t, "wallet", "import", "--light", "--secret-file", secret, "--wallet", file, "--passphrase-command", "echo sesame")
	if err != nil || shown != key.Address().String() {
		t.Errorf("%q, %v; want %s", shown, err, key.Address())
	}
}

func TestARootEndorsesAnEdge(t *testing.T) {
	file := filepath.Join(t.TempDir(), "wallet")
	shown, err := command(t, "wallet", "new", "--light", "--wallet", file, "--passphrase-command", "echo sesame")
	if err != nil {
		t.Fatal(err)
	}
	root, err := identity.ParseAddress(shown)
	if err != nil {
		t.Fatal(err)
	}
	edge := identity.Address{7}
	text, err := command(t, "wallet", "endorse", "--wallet", file, "--passphrase-command", "echo sesame", "--edge", edge.String(), "--life", "1h")
	if err != nil {
		t.Fatal(err)
	}
	endorsed, err := identity.ParseEndorsed(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := endorsed.Check(root, edge, time.Now()); err != nil {
		t.Error(err)
	}
}
