package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// LetsEncrypt is the directory of the authority that is asked where no other is named.
const LetsEncrypt = acme.LetsEncryptURL

// requestTimeout bounds one request to the authority.
const requestTimeout = 30 * time.Second

// tryAgain is the time between two requests for a certificate that was refused: Let's Encrypt stops to listen after five in an hour.
const tryAgain = 15 * time.Minute

// Authority says who issues certificates, and for which names. Whoever names one agrees to its terms.
type Authority struct {
	// Names are the DNS names that clients reach the server by, each with a dot; nothing is asked for any other.
	Names []string
	// Directory is the URL of the authority's directory (RFC 8555 section 7.1.1); "" is LetsEncrypt.
	Directory string
	// Contact is the address to which the authority may write; "" is none.
	Contact string
	// Folder keeps the account's key and the certificates, so that a restart asks for nothing again. It is made when it is not there.
	Folder string
	// Roots is a PEM file of who vouches for the authority's own server, where that is a private one; "" is the system's.
	Roots string
	// Log hears what came of asking.
	Log *slog.Logger
}

// ErrNames is about names that no public authority vouches for.
var ErrNames = errors.New("certificates are issued for names like play.example.com")

// Issued are certificates that an authority issues. They are renewed a third of their life before they end.
type Issued struct {
	manager *autocert.Manager
	names   []string
	log     *slog.Logger
}

// FromAuthority prepares to ask the authority. It checks the names by tls-alpn-01 (RFC 8737): a listener with the TLS that Issued has
// must be reached at port 443 of each.
func FromAuthority(authority Authority) (*Issued, error) {
	if len(authority.Names) == 0 {
		return nil, fmt.Errorf("%w: none is given", ErrNames)
	}
	for _, name := range authority.Names {
		if _, _, err := net.SplitHostPort(name); err == nil || net.ParseIP(strings.Trim(name, "[]")) != nil || !strings.Contains(strings.Trim(name, "."), ".") {
			return nil, fmt.Errorf("%w: %q is none of these", ErrNames, name)
		}
	}
	if err := os.MkdirAll(authority.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for certificates: %w", err)
	}
	client := &http.Client{Timeout: requestTimeout}
	if authority.Roots != "" {
		pem, err := os.ReadFile(authority.Roots)
		if err != nil {
			return nil, fmt.Errorf("read who vouches for the authority: %w", err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate: want PEM", authority.Roots)
		}
		client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	}
	directory := authority.Directory
	if directory == "" {
		directory = LetsEncrypt
	}
	return &Issued{names: authority.Names, log: authority.Log, manager: &autocert.Manager{
		Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(authority.Folder), HostPolicy: autocert.HostWhitelist(authority.Names...),
		Email: authority.Contact, Client: &acme.Client{DirectoryURL: directory, HTTPClient: client},
	}}, nil
}

// TLS shows the certificate of the name that a client asks for.
func (i *Issued) TLS() *tls.Config { return config(i.manager.GetCertificate, acme.ALPNProto) }

// Obtain asks for the certificates that there are not yet, while the listener is served. Without it the first client would, and wait
// for longer than a server lets a handshake take. It goes on trying until it has all or ctx ends.
func (i *Issued) Obtain(ctx context.Context) {
	missing := slices.Clone(i.names)
	for {
		missing = slices.DeleteFunc(missing, i.obtain)
		if len(missing) == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(tryAgain):
		}
	}
}

// obtain reports whether there is a certificate for a name now.
func (i *Issued) obtain(name string) bool {
	certificate, err := i.manager.GetCertificate(&tls.ClientHelloInfo{
		// What every current browser says, so that they find the certificate that is asked for here: one with an ECDSA key.
		ServerName: name, SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}, SupportedCurves: []tls.CurveID{tls.CurveP256},
		CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
	})
	if err != nil {
		i.log.Error("no certificate was issued: does port 443 of the name lead here?", "name", name, "error", err, "next_try", tryAgain)
		return false
	}
	i.log.Info("there is a certificate", "name", name, "expires", certificate.Leaf.NotAfter)
	return true
}
