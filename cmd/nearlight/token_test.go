package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"nearlight/internal/identity"
	"nearlight/signaling/token"
)

// verifies checks a token with the keys that a file holds.
func verifies(t *testing.T, keys, raw string) (token.Claims, error) {
	t.Helper()
	v, err := readVerifier(t.Context(), []string{keys}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return v.Verify(raw, token.Player)
}

func TestTokensAreSignedWithKeysThatTheProgramMade(t *testing.T) {
	edge, holder := identity.Address{1}, identity.Address{2}
	for _, algorithm := range []string{"EdDSA", "ES256"} {
		private1 := filepath.Join(t.TempDir(), "key.pem")
		shown, err := command(t, "token", "keygen", "--key", private1, "--algorithm", algorithm)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(private1); err != nil || info.Mode().Perm() != 0o600 {
			t.Error(info.Mode(), err)
		}
		if again, err := command(t, "token", "show", "--key", private1); err != nil || again != shown {
			t.Errorf("%s, then %s, %v", shown, again, err)
		}
		keys := private(t, "keys", shown)
		raw, err := command(t, "token", "issue", "--key", private1, "--rights", "play,watch", "--app", "tux", "--life", "10m", "--once", "--seats", "4",
			"--bitrate", "8M", "--price", "139", "--regions", "de,fr", "--edges", edge.String(), "--root", edge.String(), "--holder", holder.String(), "--id", "j-1")
		if err != nil {
			t.Fatal(err)
		}
		claims, err := verifies(t, keys, raw)
		if err != nil {
			t.Fatal(err)
		}
		if claims.ID != "j-1" || !claims.Once || claims.Seats != 4 || claims.Bitrate != 8_000_000 || claims.Price != 139 ||
			!slices.Equal(claims.Regions, []string{"de", "fr"}) || claims.Edges[0] != edge || claims.Root != edge || claims.Holder != holder || !claims.Allows(token.Watch) {
			t.Errorf("%+v", claims)
		}
		if raw, err = command(t, "token", "--key", private1); err != nil {
			t.Error(err)
		}
		if _, err := verifies(t, keys, raw); err != nil {
			t.Error("without a word for it:", err)
		}
		if raw, err = command(t, "token", "issue", "--key", private1, "--after", "1h"); err != nil {
			t.Error(err)
		}
		if _, err := verifies(t, keys, raw); err == nil {
			t.Error("a token for later is good now")
		}
		_, err = command(t, "token", "keygen", "--key", private1)
		wantUsage(t, err, "exists")
	}
	for _, wrong := range [][]string{
		{"keygen"}, {"keygen", "--key", filepath.Join(t.TempDir(), "k"), "--algorithm", "none"}, {"show"}, {"show", "--key", private(t, "k", "x")}, {"issue"},
	} {
		_, err := command(t, append([]string{"token"}, wrong...)...)
		wantUsage(t, err)
	}
}

func TestTokensOfTwoKeysAreGoodWhileBothAreInTheFile(t *testing.T) {
	folder := t.TempDir()
	older, newer := filepath.Join(folder, "older.pem"), filepath.Join(folder, "newer.pem")
	var tokens []string
	for _, file := range []string{older, newer} {
		if _, err := command(t, "token", "keygen", "--key", file); err != nil {
			t.Fatal(err)
		}
		raw, err := command(t, "token", "--key", file)
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, raw)
	}
	both, err := command(t, "token", "show", "--key", older+","+newer)
	if err != nil {
		t.Fatal(err)
	}
	only, err := command(t, "token", "show", "--key", newer)
	if err != nil {
		t.Fatal(err)
	}
	file, now := private(t, "keys", both), time.Unix(1_900_000_000, 0)
	keys := fileKeys{&reloaded[token.KeySet]{path: file, limit: token.MaxKeySet, parse: token.ParseKeys, now: func() time.Time { return now }, logger: slog.New(slog.DiscardHandler)}}
	if err := keys.open(); err != nil {
		t.Fatal(err)
	}
	verifier := token.NewVerifier(keys, token.Scope{}, time.Now)
	for _, raw := range tokens {
		if _, err := verifier.Verify(raw, token.Player); err != nil {
			t.Error(err)
		}
	}
	if err := os.WriteFile(file, []byte(only), 0o600); err != nil {
		t.Fatal(err)
	}
	now = now.Add(lookEvery)
	if _, err := verifier.Verify(tokens[0], token.Player); err == nil || !strings.Contains(err.Error(), "unknown key") {
		t.Error("the older key is gone:", err)
	}
	if _, err := verifier.Verify(tokens[1], token.Player); err != nil {
		t.Error(err)
	}
}

func TestWhatVerifiesMustBeThereAtTheStart(t *testing.T) {
	for _, name := range []string{filepath.Join(t.TempDir(), "missing"), private(t, "keys", "{}"), "http://studio.example/keys"} {
		_, err := readVerifier(t.Context(), []string{name}, slog.New(slog.DiscardHandler))
		wantUsage(t, err, "--verify-key")
	}
	_, err := readVerifier(t.Context(), nil, slog.New(slog.DiscardHandler))
	wantUsage(t, err, "keygen")
}

// TestTokensOfABackEndInNodeAreTaken runs the example of web/studio, and fetches its keys as signaling and edges do.
func TestTokensOfABackEndInNodeAreTaken(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skipf("SKIPPED %s: node is missing", t.Name())
	}
	if _, err := os.Stat("../../web/node_modules/@nearlight/studio"); err != nil {
		t.Skipf("SKIPPED %s: the pages' packages are missing (cd web && npm ci)", t.Name())
	}
	for _, algorithm := range []string{"EdDSA", "ES256"} {
		key := filepath.Join(t.TempDir(), "key.pem")
		if _, err := command(t, "token", "keygen", "--key", key, "--algorithm", algorithm); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		server := exec.CommandContext(ctx, node, "../../web/studio/example/server.js", key, "0")
		out, err := server.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { stop(); _ = server.Wait() }) // it is ended by us
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		origin := strings.TrimSpace(line)
		response, err := http.Post(origin+"/play", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(response.Body)
		if err := errors.Join(err, response.Body.Close()); err != nil {
			t.Fatal(err)
		}
		v, err := readVerifier(t.Context(), []string{origin + "/nearlight/keys"}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		claims, err := v.Verify(string(raw), token.Player)
		if err != nil || !claims.Once || claims.Seats != 4 || claims.Bitrate != 12_000_000 || !claims.AllowsApp("supertux2") {
			t.Errorf("%s: %+v, %v", algorithm, claims, err)
		}
	}
}
