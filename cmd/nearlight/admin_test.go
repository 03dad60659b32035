package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"nearlight/signaling/admin"
)

// spoken is what a command says, while it runs too.
type spoken struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *spoken) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *spoken) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// execute runs a command line until it ends, or ctx does.
func execute(ctx context.Context, out, said *spoken, arguments ...string) error {
	root := newRoot()
	root.SetArgs(arguments)
	root.SetOut(out)
	root.SetErr(said)
	return root.ExecuteContext(ctx)
}

func written(t *testing.T, name, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// publicKey is the file of a key that checks tokens.
func publicKey(t *testing.T) string {
	t.Helper()
	var keys, said spoken
	if err := execute(t.Context(), &keys, &said, "token", "keygen", "--key", filepath.Join(t.TempDir(), "key.pem")); err != nil {
		t.Fatal(err)
	}
	return written(t, "keys", keys.String(), 0o600)
}

func TestAnOperatorIsAnsweredByTheCommandLineToo(t *testing.T) {
	token, line, err := admin.NewToken("ada")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var out, said spoken
	ended := make(chan error, 1)
	go func() {
		ended <- execute(ctx, &out, &said, "signaling", "--listen", "127.0.0.1:0", "--verify-key", publicKey(t),
			"--admin-listen", "127.0.0.1:0", "--admin-tokens", written(t, "operators", line+"\n", 0o600), "--database", filepath.Join(t.TempDir(), "kept.db"))
	}()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if strings.Contains(said.String(), token) {
			t.Error("the log tells the token")
		}
	}()
	at := ""
	for limit := time.Now().Add(20 * time.Second); at == "" && time.Now().Before(limit); time.Sleep(10 * time.Millisecond) {
		if found := regexp.MustCompile(`operators are answered" address=(\S+)`).FindStringSubmatch(said.String()); found != nil {
			at = "http://" + found[1]
		}
	}
	secret := written(t, "token", token+"\n", 0o600)
	for _, step := range []struct {
		arguments []string
		says      string
		exit      int
	}{
		{[]string{"edges"}, "EDGE", exitDone},
		{[]string{"sessions"}, "SESSION", exitDone},
		{[]string{"queue"}, "POSITION", exitDone},
		{[]string{"cluster"}, "DRAINING", exitDone},
		{[]string{"cluster", "--json"}, `"ready": true`, exitDone},
		{[]string{"drain", "edge", "e-1", "--reason", "a new disk", "--for", "1h"}, `"kept": true`, exitDone},
		{[]string{"ban", "token", "jti-1", "--reason", "cheats"}, "ban-token", exitDone},
		{[]string{"orders"}, "a new disk", exitDone},
		{[]string{"log"}, "cheats", exitDone},
		{[]string{"log", "--edge", "e-1", "--last", "1h"}, "a new disk", exitDone},
		{[]string{"log", "--session", "s-none"}, "AT", exitDone},
		{[]string{"checks"}, "", exitFailed},
		{[]string{"undrain", "edge", "e-1", "--reason", "done"}, `"kind": "drain-edge"`, exitDone},
		{[]string{"unban", "token", "jti-1", "--reason", "was a mistake"}, "ban-token", exitDone},
		{[]string{"drain", "node", "self", "--reason", "an update"}, "true", exitDone},
		{[]string{"drain", "edge", "e-1"}, "", exitUsage},
		{[]string{"drain", "shelf", "e-1", "--reason", "a"}, "", exitUsage},
		{[]string{"ban", "everybody", "all", "--reason", "a"}, "", exitUsage},
		{[]string{"edges", "--state", "great"}, "", exitFailed},
		{[]string{"end", "s-none", "--reason", "a"}, "", exitFailed},
		{[]string{"explain"}, "", exitUsage},
	} {
		var answer, complaint spoken
		err := execute(t.Context(), &answer, &complaint, append([]string{"admin", "--admin", at, "--admin-token-file", secret}, step.arguments...)...)
		exit := exitDone
		var failed *failure
		if errors.As(err, &failed) {
			exit = failed.exit
		} else if err != nil {
			exit = exitFailed
		}
		if exit != step.exit || !strings.Contains(answer.String(), step.says) {
			t.Errorf("%v: exit %d, %v: %s", step.arguments, exit, err, &answer)
		}
	}
	if err := execute(t.Context(), &spoken{}, &spoken{}, "admin", "--admin", at, "--admin-token-file", written(t, "other", "nobody's", 0o600), "edges"); err == nil || !strings.Contains(err.Error(), "none of theirs") {
		t.Errorf("a stranger is told %v", err)
	}
}

func TestAnAdminAddressThatWouldGiveTokensAwayIsRefused(t *testing.T) {
	_, line, err := admin.NewToken("ada")
	if err != nil {
		t.Fatal(err)
	}
	keys, mine := publicKey(t), written(t, "operators", line, 0o600)
	for why, step := range map[string]struct {
		arguments []string
		says      string
	}{
		"in the clear, for everybody": {[]string{"--admin-listen", "0.0.0.0:0", "--admin-tokens", mine}, "ssh -L"},
		"no operators":                {[]string{"--admin-listen", "127.0.0.1:0"}, "nearlight admin token"},
		"no address":                  {[]string{"--admin-tokens", mine}, "--admin-listen"},
		"a file that others read":     {[]string{"--admin-listen", "127.0.0.1:0", "--admin-tokens", written(t, "open", line, 0o644)}, "chmod 600"},
		"a file of nobody":            {[]string{"--admin-listen", "127.0.0.1:0", "--admin-tokens", written(t, "empty", "# nobody\n", 0o600)}, "0 operators"},
		"a file that is not there":    {[]string{"--admin-listen", "127.0.0.1:0", "--admin-tokens", mine + "x"}, "no such file"},
	} {
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
		err := execute(ctx, &spoken{}, &spoken{}, append([]string{"signaling", "--listen", "127.0.0.1:0", "--verify-key", keys}, step.arguments...)...)
		stop()
		var failed *failure
		if !errors.As(err, &failed) || failed.exit != exitUsage || !strings.Contains(err.Error(), step.says) {
			t.Errorf("%s: %v", why, err)
		}
	}
}
