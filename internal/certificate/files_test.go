package certificate

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
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var start = time.Date(2026, time.November, 27, 12, 0, 0, 0, time.UTC)

// pair makes a certificate that signs itself and its key.
func pair(t *testing.T, serial int64, until time.Time) (certificate, key []byte) {
	t.Helper()
	return pairFor(t, serial, start.Add(-time.Hour), until)
}

// pairFor makes one for localhost and addresses.
func pairFor(t *testing.T, serial int64, from, until time.Time, addresses ...net.IP) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotBefore: from, NotAfter: until, DNSNames: []string{"localhost"}, IPAddresses: addresses,
		BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

// stage is a certificate in files, a clock and what was logged.
type stage struct {
	Files
	now    time.Time
	logged bytes.Buffer
	writes int
}

func newStage(t *testing.T) *stage {
	s := &stage{now: start}
	folder := t.TempDir()
	s.Files = Files{
		Certificate: filepath.Join(folder, "cert.pem"), Key: filepath.Join(folder, "key.pem"),
		Log: slog.New(slog.NewTextHandler(&s.logged, nil)), Now: func() time.Time { return s.now },
	}
	return s
}

// write puts a file there, at a time of its own.
func (s *stage) write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	s.writes++
	if at := start.Add(time.Duration(s.writes) * time.Second); os.Chtimes(path, at, at) != nil {
		t.Fatal("the file's time cannot be set")
	}
}

func (s *stage) serial(t *testing.T, c *tls.Config) int64 {
	t.Helper()
	shown, err := c.GetCertificate(&tls.ClientHelloInfo{})
	if err != nil {
		t.Fatal(err)
	}
	return shown.Leaf.SerialNumber.Int64()
}

func TestARenewedCertificateIsShownOnceItIsWhole(t *testing.T) {
	s := newStage(t)
	certificate, key := pair(t, 1, start.Add(24*time.Hour))
	s.write(t, s.Certificate, certificate)
	s.write(t, s.Key, key)
	c, err := FromFiles(s.Files)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = pair(t, 2, start.Add(48*time.Hour))
	s.write(t, s.Certificate, certificate) // its key is still that of the first
	if got := s.serial(t, c); got != 1 {
		t.Errorf("certificate %d is shown, want 1: nobody has looked again", got)
	}
	s.now = s.now.Add(lookAgain)
	if got := s.serial(t, c); got != 1 {
		t.Errorf("certificate %d is shown, want 1: the second has no key yet", got)
	}
	if said := s.logged.String(); !strings.Contains(said, "not used") || !strings.Contains(said, s.Key) {
		t.Errorf("the log says %q of half a certificate", said)
	}
	s.write(t, s.Key, key)
	s.now = s.now.Add(lookAgain)
	if got := s.serial(t, c); got != 2 {
		t.Errorf("certificate %d is shown, want 2", got)
	}
	if err := os.Remove(s.Certificate); err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(lookAgain)
	if got := s.serial(t, c); got != 2 {
		t.Errorf("certificate %d is shown, want 2: what was removed is still good", got)
	}
}

func TestAFailureIsLoggedOnceForEachChange(t *testing.T) {
	s := newStage(t)
	certificate, key := pair(t, 1, start.Add(24*time.Hour))
	s.write(t, s.Certificate, certificate)
	s.write(t, s.Key, key)
	c, err := FromFiles(s.Files)
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, s.Certificate, []byte("nothing"))
	for range 5 {
		s.now = s.now.Add(lookAgain)
		s.serial(t, c)
	}
	if n := strings.Count(s.logged.String(), "\n"); n != 1 {
		t.Errorf("one bad file is logged %d times:\n%s", n, &s.logged)
	}
}

func TestWhatIsWrongWithACertificateIsSaid(t *testing.T) {
	certificate, key := pair(t, 1, start.Add(24*time.Hour))
	old, oldKey := pair(t, 2, start.Add(-time.Minute))
	for _, step := range []struct {
		name             string
		certificate, key []byte
		want             string
	}{
		{"no certificate", nil, key, "cert.pem"},
		{"no key", certificate, nil, "key.pem"},
		{"the key of another", certificate, oldKey, "key.pem"},
		{"the two exchanged", key, certificate, "cert.pem"},
		{"an old one", old, oldKey, "expired"},
	} {
		t.Run(step.name, func(t *testing.T) {
			s := newStage(t)
			if step.certificate != nil {
				s.write(t, s.Certificate, step.certificate)
			}
			if step.key != nil {
				s.write(t, s.Key, step.key)
			}
			if _, err := FromFiles(s.Files); err == nil || !strings.Contains(err.Error(), step.want) {
				t.Errorf("got %v, want an error that names %q", err, step.want)
			}
		})
	}
}
