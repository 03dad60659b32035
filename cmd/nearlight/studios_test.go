package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nearlight/signaling/token"
)

func TestKeysAreTheStudiosThatTheyAreNamedAfter(t *testing.T) {
	folder := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	issue := func(name string) (string, *token.Issuer) {
		private, err := token.NewKey()
		if err != nil {
			t.Fatal(err)
		}
		issuer, err := token.NewIssuer(private, token.Scope{}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		text, err := token.MarshalPublicKey(issuer.Key())
		if err != nil {
			t.Fatal(err)
		}
		return write(name, text), issuer
	}
	acme, byAcme := issue("acme.pem")
	plain, byNobody := issue("a=b.pem") // a file's name, unless a studio's stands before =
	v, err := readVerifier(t.Context(), []string{"acme=" + acme, plain}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for issuer, want := range map[*token.Issuer]string{byAcme: "acme", byNobody: ""} {
		raw, err := issuer.Issue(token.Claims{Role: token.Player, Expires: time.Now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		if claims, err := v.Verify(raw, token.Player); err != nil || claims.Studio != want {
			t.Errorf("%q, %v; want %q", claims.Studio, err, want)
		}
	}
	for text, wants := range map[string][]string{
		"acme:\n  bitrate: much":  {"studios.yaml", "acme", "bitrate", "much"},
		"amce:\n  sessions: 3":    {"studios.yaml", "amce", "--verify-key amce="},
		"acme:\n  origins: [all]": {"studios.yaml", "acme", "origins", "all"},
	} {
		_, err := readStudios(write("studios.yaml", []byte(text)), v.studios, slog.New(slog.DiscardHandler))
		for _, want := range wants {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, without %q", text, err, want)
			}
		}
	}
	roster, err := readStudios(write("studios.yaml", []byte("acme: {sessions: 3}")), v.studios, slog.New(slog.DiscardHandler))
	if err != nil || roster().Of("acme").Sessions != 3 {
		t.Error(err)
	}
	if _, err := readStudios(filepath.Join(folder, "none"), nil, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a file that is not there is taken")
	}
}
