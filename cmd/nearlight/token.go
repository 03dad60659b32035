package main

import (
	"crypto/ed25519"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"nearlight/signaling"
	"nearlight/signaling/token"
)

func newToken() *cobra.Command {
	var keyFile, role, app, session string
	var rights []string
	var life time.Duration
	c := &cobra.Command{
		Use:   "token --key FILE [FLAG...]",
		Short: "Sign a token for a player or an edge, and print it",
		Args:  noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := settle(c); err != nil {
				return err
			}
			key, err := readKey(keyFile)
			if err != nil {
				return err
			}
			issuer, err := token.NewIssuer(key, token.Scope{}, time.Now)
			if err != nil {
				return err
			}
			claims := token.Claims{Role: token.Role(role), App: app, Session: signaling.SessionID(session), Expires: time.Now().Add(life)}
			if claims.Role == token.Player {
				for _, right := range rights {
					claims.Rights = append(claims.Rights, token.Right(right))
				}
			}
			signed, err := issuer.Issue(claims)
			if err != nil {
				return usage("%w", err)
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), signed)
			return err
		},
	}
	c.Flags().StringVar(&keyFile, "key", "", "file with the key that signs tokens (PEM, Ed25519)")
	c.Flags().StringVar(&role, "role", string(token.Player), "player or edge")
	c.Flags().StringSliceVar(&rights, "rights", []string{string(token.Play)}, "what a player may do: play, install, watch, many (play in several places at a time with the one token)")
	c.Flags().StringVar(&app, "app", "", "the only app that the token is good for")
	c.Flags().StringVar(&session, "session", "", "the only session that the right watch is good for")
	c.Flags().DurationVar(&life, "life", time.Hour, "how long the token is good")
	return c
}

// readKey reads the signing key of --key.
func readKey(name string) (ed25519.PrivateKey, error) {
	if name == "" {
		return nil, usage("--key is missing; make a key with: openssl genpkey -algorithm ed25519 -out nearlight.pem")
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
