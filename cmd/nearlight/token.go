package main

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/token"
)

func newToken() *cobra.Command {
	c := newTokenIssue()
	c.Use = "token [issue] --key FILE [FLAG...]"
	c.AddCommand(newTokenIssue(), newTokenKeygen(), newTokenShow())
	for _, sub := range c.Commands() {
		sub.DisableFlagsInUseLine = true
	}
	return c
}

// tokenFlags are what a token may say.
type tokenFlags struct {
	key, role, app, session, id string
	rights, regions, edges      []string
	root, holder                string
	life, after                 time.Duration
	once                        bool
	seats                       int
	bitrate                     bitrateValue
	price                       uint64
}

func newTokenIssue() *cobra.Command {
	var f tokenFlags
	c := &cobra.Command{
		Use:   "issue --key FILE [FLAG...]",
		Short: "Sign a token for a player or an edge, and print it",
		Long: "Signs what a back end would sign (docs/studio.md). A limit that is left out is none. With --edges or --root players trust no other\n" +
			"edge, and signaling cannot put itself between the two.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := settle(c); err != nil {
				return err
			}
			key, err := readKey(f.key)
			if err != nil {
				return err
			}
			issuer, err := token.NewIssuer(key, token.Scope{}, time.Now)
			if err != nil {
				return err
			}
			claims, err := f.claims(time.Now())
			if err != nil {
				return err
			}
			signed, err := issuer.Issue(claims)
			if err != nil {
				return usage("%w", err)
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), signed)
			return err
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.key, "key", "", "file with the key that signs tokens (PEM, Ed25519 or P-256)")
	flags.StringVar(&f.role, "role", string(token.Player), "player or edge")
	flags.StringSliceVar(&f.rights, "rights", []string{string(token.Play)}, "what a player may do: play, install, watch, microphone (the game hears what the player says), many (play in several places at a time with the one token), stock (leave tokens with the network, by which checkers come like players: docs/studio.md), check (begin at the edges of --edges though they get no players: counts in tokens of the network's own --check-key alone)")
	flags.StringVar(&f.app, "app", "", "the only app that the token is good for")
	flags.StringVar(&f.session, "session", "", "the only session that the right watch is good for")
	flags.DurationVar(&f.life, "life", time.Hour, "how long the token is good")
	flags.DurationVar(&f.after, "after", 0, "how long until it begins to be good")
	flags.StringVar(&f.id, "id", "", "its name (jti); a random one by default")
	flags.BoolVar(&f.once, "once", false, "good for one session, and for resuming that one")
	flags.IntVar(&f.seats, "seats", 0, "people at the session, who plays and who looks on")
	flags.Var(&f.bitrate, "bitrate", "bitrate of the stream at the most, for example 8M")
	flags.Uint64Var(&f.price, "price", 0, "what an edge may ask for a second, in the payment token's smallest unit")
	flags.StringSliceVar(&f.regions, "regions", nil, "of which an edge must lie in one, for example de,fr")
	flags.StringSliceVar(&f.edges, "edges", nil, "addresses of the edges that the player trusts")
	flags.StringVar(&f.root, "root", "", "address of the key whose endorsement makes an edge trusted (nearlight wallet endorse)")
	flags.StringVar(&f.holder, "holder", "", "address of the only session key that the token is good for")
	return c
}

func (f *tokenFlags) claims(now time.Time) (token.Claims, error) {
	claims := token.Claims{
		ID: f.id, Role: token.Role(f.role), App: f.app, Session: signaling.SessionID(f.session), Expires: now.Add(f.after + f.life),
		Once: f.once, Seats: f.seats, Bitrate: int64(f.bitrate), Price: f.price, Regions: f.regions,
	}
	if f.after > 0 {
		claims.From = now.Add(f.after)
	}
	if claims.Role == token.Player {
		for _, right := range f.rights {
			claims.Rights = append(claims.Rights, token.Right(right))
		}
	}
	for _, text := range f.edges {
		address, err := identity.ParseAddress(text)
		if err != nil {
			return token.Claims{}, usage("--edges: %w", err)
		}
		claims.Edges = append(claims.Edges, address)
	}
	for _, one := range []struct {
		flag, text string
		to         *identity.Address
	}{{"root", f.root, &claims.Root}, {"holder", f.holder, &claims.Holder}} {
		if one.text == "" {
			continue
		}
		address, err := identity.ParseAddress(one.text)
		if err != nil {
			return token.Claims{}, usage("--%s: %w", one.flag, err)
		}
		*one.to = address
	}
	return claims, nil
}

// readKey reads the signing key of --key.
func readKey(name string) (crypto.Signer, error) {
	if name == "" {
		return nil, usage("--key is missing; make a key with: nearlight token keygen --key nearlight.pem")
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, usage("read the key: %w", err)
	}
	key, err := token.ParseKey(text)
	if err != nil {
		return nil, usage("key %s: %w", name, err)
	}
	return key, nil
}

func newTokenKeygen() *cobra.Command {
	var file, algorithm string
	c := &cobra.Command{
		Use: "keygen --key FILE", Short: "Make a key that signs tokens, and print its public half", Args: noArguments,
		Long: "Writes the private key (PEM, readable to its owner alone) and prints the public one as a JWK Set, which signaling and edges take with\n" +
			"--verify-key.",
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := settle(c); err != nil {
				return err
			}
			if file == "" {
				return usage("--key is missing: the file to make")
			}
			key, err := makeTokenKey(token.Algorithm(algorithm))
			if err != nil {
				return err
			}
			text, err := token.MarshalKey(key)
			if err != nil {
				return err
			}
			out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return usage("make the key's file: %w", err)
			}
			_, err = out.Write(text)
			if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
				return err
			}
			public, err := token.PublicKey(key.Public())
			if err != nil {
				return err
			}
			return printKeys(c, public)
		},
	}
	c.Flags().StringVar(&file, "key", "", "file to keep the key in, which must not be there yet")
	c.Flags().StringVar(&algorithm, "algorithm", string(token.EdDSA), string(token.EdDSA)+" (Ed25519) or "+string(token.ES256)+" (P-256)")
	return c
}

func makeTokenKey(algorithm token.Algorithm) (crypto.Signer, error) {
	switch algorithm {
	case token.EdDSA:
		return token.NewKey()
	case token.ES256:
		return token.NewES256Key()
	}
	return nil, usage("--algorithm %s: want %s or %s", algorithm, token.EdDSA, token.ES256)
}

func newTokenShow() *cobra.Command {
	var files []string
	c := &cobra.Command{
		Use: "show --key FILE[,FILE...]", Short: "Print the public halves of keys that sign tokens, as one JWK Set", Args: noArguments,
		Long: "Takes private keys and public ones (PEM), and sets of public ones. To change keys, print the old and the new one together and give that\n" +
			"to signaling and edges; sign with the new one; leave the old one out when its last token has expired.",
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := settle(c); err != nil {
				return err
			}
			var all []token.Key
			for _, name := range files {
				keys, err := readPublic(name)
				if err != nil {
					return err
				}
				all = append(all, keys...)
			}
			if len(all) == 0 {
				return usage("--key is missing")
			}
			return printKeys(c, all...)
		},
	}
	c.Flags().StringSliceVar(&files, "key", nil, "files with keys")
	return c
}

// readPublic reads the public halves of what a file holds.
func readPublic(name string) ([]token.Key, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, usage("read the key: %w", err)
	}
	if private, err := token.ParseKey(text); err == nil {
		public, err := token.PublicKey(private.Public())
		return []token.Key{public}, err
	}
	set, err := token.ParseKeys(text)
	if err != nil {
		return nil, usage("key %s: %w", name, err)
	}
	return set.Keys(), nil
}

func printKeys(c *cobra.Command, keys ...token.Key) error {
	set, err := token.NewKeySet(keys...)
	if err != nil {
		return usage("%w", err)
	}
	text, err := json.MarshalIndent(set, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.OutOrStdout(), string(text))
	return err
}
