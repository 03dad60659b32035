package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nearlight/signaling/turn"
)

// writePair puts a certificate and its key into files, as if at a time.
func writePair(t *testing.T, certificate, key string, serial int64, at time.Time) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"turn.example"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
}

func serialOf(t *testing.T, c *tls.Config) int64 {
	t.Helper()
	shown, err := c.GetCertificate(&tls.ClientHelloInfo{ServerName: "turn.example"})
	if err != nil {
		t.Fatal(err)
	}
	return shown.Leaf.SerialNumber.Int64()
}

func TestTheTURNServersCertificateIsReadAgainWhenItIsRenewed(t *testing.T) {
	folder := t.TempDir()
	now := time.Now()
	f := relayFlags{cert: filepath.Join(folder, "cert.pem"), key: filepath.Join(folder, "key.pem"), now: func() time.Time { return now }}
	writePair(t, f.cert, f.key, 1, now)
	var config turn.Config
	if err := f.complete(&config, nil, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	if got := serialOf(t, config.TLS); got != 1 {
		t.Errorf("certificate %d is shown", got)
	}
	writePair(t, f.cert, f.key, 2, now.Add(time.Second))
	now = now.Add(time.Minute)
	if got := serialOf(t, config.TLS); got != 2 {
		t.Errorf("certificate %d is shown, want the renewed one", got)
	}
}

func TestTheTURNServerShowsThePagesCertificateUnderItsNameAlone(t *testing.T) {
	folder := t.TempDir()
	pages := tlsFlags{certificate: filepath.Join(folder, "cert.pem"), key: filepath.Join(folder, "key.pem")}
	writePair(t, pages.certificate, pages.key, 7, time.Now())
	speaking, err := pages.open([]string{"turn.example"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		why   string
		flags relayFlags
		pages *tls.Config
		want  bool
	}{
		{"its name", relayFlags{name: "turn.example"}, speaking.tls, true},
		{"no name: players would be told of an address", relayFlags{}, speaking.tls, false},
		{"the pages have none", relayFlags{name: "turn.example"}, nil, false},
	} {
		var config turn.Config
		if err := step.flags.complete(&config, step.pages, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		if (config.TLS != nil) != step.want {
			t.Errorf("%s: TLS is %v", step.why, config.TLS != nil)
			continue
		}
		if step.want && (serialOf(t, config.TLS) != 7 || len(config.TLS.NextProtos) != 0) {
			t.Errorf("%s: certificate %d, protocols %v", step.why, serialOf(t, config.TLS), config.TLS.NextProtos)
		}
	}
}

func TestAWrongCertificateOfTheTURNServerIsNamed(t *testing.T) {
	folder := t.TempDir()
	var said bytes.Buffer
	for why, f := range map[string]relayFlags{
		"no key": {cert: filepath.Join(folder, "cert.pem")},
		"none":   {cert: filepath.Join(folder, "cert.pem"), key: filepath.Join(folder, "key.pem")},
	} {
		err := f.complete(&turn.Config{}, nil, slog.New(slog.NewTextHandler(&said, nil)))
		if err == nil || !strings.Contains(err.Error(), "--turn-tls-cert") {
			t.Errorf("%s: %v", why, err)
		}
	}
}
