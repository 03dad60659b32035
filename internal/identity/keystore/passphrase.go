package keystore

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"nearlight/internal/identity"
)

// maxPassphrase bounds what is read of a passphrase, in octets.
const maxPassphrase = 1024

// agentPatience is how long a command may take to tell a passphrase: a person may have to touch something.
const agentPatience = time.Minute

// PassphraseOf reads a passphrase from a file that only its owner can read: its first line, without the line's end.
func PassphraseOf(path string) ([]byte, error) {
	content, err := readPrivate(path, maxPassphrase)
	if err != nil {
		return nil, err
	}
	return firstLine(content, path)
}

// PassphraseFrom asks a command for a passphrase, by the shell: the first line that it prints. An agent that listens on a socket is
// asked by a command too, such as `pass show edge` or `ssh vault cat edge.pass`.
func PassphraseFrom(ctx context.Context, command string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, agentPatience)
	defer cancel()
	run := exec.CommandContext(ctx, "/bin/sh", "-c", command)
	run.WaitDelay = time.Second // what it has started may hold its output open
	var out bounded
	var said bounded
	run.Stdout, run.Stderr = &out, &said
	if err := run.Run(); err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("keystore: the passphrase's command did not end within %v", agentPatience)
		}
		return nil, fmt.Errorf("keystore: the passphrase's command failed: %w: %s", err, strings.TrimSpace(said.String()))
	}
	return firstLine(out.Bytes(), "the passphrase's command")
}

// bounded keeps the first octets that are written to it, one more than a passphrase may have, and drops the rest.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	b.Buffer.Write(p[:min(len(p), maxPassphrase+1-b.Len())])
	return len(p), nil
}

func firstLine(content []byte, where string) ([]byte, error) {
	line, _, _ := bytes.Cut(content, []byte("\n"))
	line = bytes.TrimSuffix(line, []byte("\r"))
	if len(line) == 0 {
		return nil, fmt.Errorf("keystore: %s gives no passphrase", where)
	}
	if len(line) > maxPassphrase {
		return nil, fmt.Errorf("keystore: %s gives a passphrase of more than %d octets", where, maxPassphrase)
	}
	return line, nil
}

// SecretOf reads a private key that another wallet wrote out, 64 hexadecimal digits with or without 0x, from a file that only its
// owner can read.
func SecretOf(path string) (*identity.Key, error) {
	content, err := readPrivate(path, maxPassphrase)
	if err != nil {
		return nil, err
	}
	return secret(content)
}

func secret(content []byte) (*identity.Key, error) {
	digits := strings.TrimPrefix(strings.TrimSpace(string(content)), "0x")
	raw, err := hex.DecodeString(digits)
	if err != nil { // its text would show a part of the key
		return nil, errors.New("keystore: not a private key: want 64 hexadecimal digits")
	}
	return identity.KeyFromSecret(raw)
}
