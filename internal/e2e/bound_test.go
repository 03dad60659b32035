package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"nearlight/internal/e2e/e2etest"
	"nearlight/internal/identity"
	"nearlight/signaling"
)

func TestABoundSessionGoesOnForItsOwnKeyAlone(t *testing.T) {
	t.Parallel()
	flags, address := walletsEdge(t)
	list := filepath.Join(t.TempDir(), "edges")
	if err := os.WriteFile(list, []byte(address), 0o600); err != nil {
		t.Fatal(err)
	}
	network := startSignaling(t, "--edge-keys", list)
	network.edge(t, append([]string{"--slots", "2"}, flags...)...)
	e2etest.Eventually(t, e2etest.Patience, "the edge is registered", func() bool { return network.edges(t) == 1 })
	key, err := identity.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	raw := network.tokenWith(t, "--edges", address, "--once")
	player := network.signaling.Play(t, e2etest.Request{Token: raw, Key: key})
	player.Plays(t, 1)
	session := player.Session(t)
	player.Restart(t) // new ways for the same connection are signed too
	player.Plays(t, 1)

	if end := network.signaling.Play(t, e2etest.Request{Token: raw, Key: key}).End(t); end.Code != signaling.CodeSpentToken {
		t.Errorf("a second session by the same token: %v", end)
	}
	again := network.signaling.Play(t, e2etest.Request{Token: raw, Key: key, Resume: session})
	again.Plays(t, 1)
	if end := player.End(t); end.Code != signaling.CodeReplaced {
		t.Errorf("the first connection is told %v", end)
	}
	thief := network.signaling.Play(t, e2etest.Request{Token: raw, Resume: session}) // with a key of its own
	if end := thief.End(t); end.Code != signaling.CodeUnproven {
		t.Errorf("who has the token and not the key is told %v", end)
	}
	if shown := len(thief.Frames()); shown > 0 {
		t.Errorf("and has seen %d pictures", shown)
	}
}

func TestAnEdgeIsTrustedByAnEndorsement(t *testing.T) {
	t.Parallel()
	root, rootAddress := wallet(t)
	flags, address := walletsEdge(t)
	signed := e2etest.Run(t, e2etest.Options{}, append([]string{"wallet", "endorse", "--edge", address, "--life", "1h"}, root...)...)
	if signed.Code != 0 {
		t.Fatal(signed)
	}
	folder := t.TempDir()
	endorsement, list := filepath.Join(folder, "endorsement"), filepath.Join(folder, "edges")
	for path, text := range map[string]string{endorsement: signed.Stdout, list: address} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	network := startSignaling(t, "--edge-keys", list)
	network.edge(t, append([]string{"--endorsement", endorsement, "--regions", "de,eu", "--slots", "2"}, flags...)...)
	e2etest.Eventually(t, e2etest.Patience, "the edge is registered", func() bool { return network.edges(t) == 1 })
	network.signaling.Play(t, e2etest.Request{Token: network.tokenWith(t, "--root", rootAddress, "--regions", "eu")}).Plays(t, 1)
	if end := network.signaling.Play(t, e2etest.Request{Token: network.tokenWith(t, "--root", address)}).End(t); end.Code != signaling.CodeNoEdge {
		t.Errorf("by another root: %v", end)
	}
	other, _ := walletsEdge(t)
	refused(t, network.edge(t, append([]string{"--endorsement", endorsement}, other...)...).Wait(t, e2etest.Patience), exitUsage, "--endorsement", address)
}
