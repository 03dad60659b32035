package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nearlight/internal/identity"
	"nearlight/internal/identity/keystore"
)

func home(t *testing.T, f edgeFlags, wallet *identity.Key) (*edgeHome, error) {
	t.Helper()
	h, err := f.openHome(wallet, slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		if err := h.close(); err != nil {
			t.Error(err)
		}
	})
	return h, err
}

func TestAnEdgeIsTheSameAsLongAsItsFolder(t *testing.T) {
	f := edgeFlags{folder: filepath.Join(t.TempDir(), "edge"), slots: 1}
	first, err := home(t, f, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := home(t, f, nil); err == nil || !strings.Contains(err.Error(), "another edge uses") {
		t.Error("two edges use one folder:", err)
	}
	if err := first.close(); err != nil {
		t.Fatal(err)
	}
	again, err := home(t, f, nil)
	if err != nil || again.key.Address() != first.key.Address() {
		t.Fatal(again, err)
	}
	if err := again.close(); err != nil {
		t.Fatal(err)
	}
	// The key can be taken into a wallet, and the edge stays what it is.
	kept, err := keystore.SecretOf(filepath.Join(f.folder, edgeKeyName))
	if err != nil {
		t.Fatal(err)
	}
	walled, err := home(t, f, kept)
	if err != nil {
		t.Fatal(err)
	}
	if err := walled.close(); err != nil {
		t.Fatal(err)
	}
	other, err := identity.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := home(t, f, other); err == nil || !strings.Contains(err.Error(), first.key.Address().String()) {
		t.Error("another edge takes the folder:", err)
	}
}

func TestAnEdgesFolderMayBeNamedFromHere(t *testing.T) {
	here := t.TempDir()
	t.Chdir(here)
	h, err := home(t, edgeFlags{folder: "edge", slots: 1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	// Displays and apps are in folders of their own, and would not find it from there.
	if want := filepath.Join(here, "edge"); h.path != want {
		t.Errorf("the folder is %s, want %s", h.path, want)
	}
}

func TestAnEdgeWithoutAFolderIsANewOneAndLeavesNothing(t *testing.T) {
	f := edgeFlags{slots: 1}
	one, err := home(t, f, nil)
	if err != nil {
		t.Fatal(err)
	}
	two, err := home(t, f, nil)
	if err != nil || one.key.Address() == two.key.Address() {
		t.Fatal(two, err)
	}
	for _, h := range []*edgeHome{one, two} {
		path := h.path
		if err := h.close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Error(path, "is left:", err)
		}
	}
}

func TestAWalletsEdgeHasToRememberWhatItHasSigned(t *testing.T) {
	key, err := identity.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := home(t, edgeFlags{slots: 1}, key); err == nil || !strings.Contains(err.Error(), "--folder") {
		t.Error(err)
	}
}

func TestAKeyOfAnotherKindIsNotTakenForTheEdges(t *testing.T) {
	f := edgeFlags{folder: t.TempDir(), slots: 1}
	if err := os.WriteFile(filepath.Join(f.folder, edgeKeyName), make([]byte, 32), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := home(t, f, nil); err == nil || !strings.Contains(err.Error(), "remove it") {
		t.Error(err)
	}
}
