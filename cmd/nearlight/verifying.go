package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"nearlight/signaling/studio"
	"nearlight/signaling/token"
	"nearlight/signaling/token/keysource"
)

const verifyKeyUsage = "public keys by which tokens are checked: files (PEM, or a JWK Set) and https addresses of JWK Sets; all are looked at again, so that keys can be changed; STUDIO=FILE and STUDIO=https://... say whose the keys are (--studios of signaling)"

// verifying checks tokens by keys that may change: run has to run for those at addresses to do so.
type verifying struct {
	*token.Verifier
	remotes []*keysource.Remote
	studios []string // that keys are of
}

// run keeps keys up to date until ctx ends.
func (v verifying) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, remote := range v.remotes {
		group.Go(func() error { return remote.Run(ctx) })
	}
	return group.Wait()
}

// fileKeys are those of a file, as it is now.
type fileKeys struct{ *reloaded[token.KeySet] }

func (f fileKeys) Key(id string) (token.Key, bool) { return f.get().Key(id) }

// anyKeys are those of several sources.
type anyKeys []token.Keys

func (a anyKeys) Key(id string) (token.Key, bool) {
	for _, keys := range a {
		if key, found := keys.Key(id); found {
			return key, true
		}
	}
	return token.Key{}, false
}

// readVerifier reads what --verify-key names; all of it must be there and right.
func readVerifier(ctx context.Context, names []string, logger *slog.Logger) (verifying, error) {
	if len(names) == 0 {
		return verifying{}, usage("--verify-key is missing; `nearlight token keygen --key nearlight.pem > nearlight.keys` makes a key and prints its public half")
	}
	var all anyKeys
	var v verifying
	for _, name := range names {
		owner := ""
		if before, after, named := strings.Cut(name, "="); named && studio.IsName(before) {
			owner, name = before, after
			if !slices.Contains(v.studios, owner) {
				v.studios = append(v.studios, owner)
			}
		}
		if strings.Contains(name, "://") {
			remote, err := keysource.New(keysource.Config{URL: name, Log: logger})
			if err != nil {
				return verifying{}, usage("--verify-key: %w", err)
			}
			if err := remote.Fetch(ctx); err != nil {
				return verifying{}, fmt.Errorf("--verify-key: %w", err)
			}
			v.remotes, all = append(v.remotes, remote), append(all, token.Of(owner, remote))
			continue
		}
		file := &reloaded[token.KeySet]{path: name, limit: token.MaxKeySet, parse: token.ParseKeys, now: time.Now, logger: logger}
		if err := file.open(); err != nil {
			return verifying{}, usage("--verify-key: %w", err)
		}
		all = append(all, token.Of(owner, fileKeys{file}))
	}
	v.Verifier = token.NewVerifier(all, token.Scope{}, time.Now)
	return v, nil
}
