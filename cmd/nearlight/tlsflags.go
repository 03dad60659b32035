package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"nearlight/internal/certificate"
)

// tlsFlags say which certificate is shown, if any.
type tlsFlags struct {
	certificate, key                 string
	acme                             bool
	directory, contact, roots, store string
}

func (f *tlsFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.certificate, "tls-certificate", "", "file with the certificate to serve HTTPS with and its chain (PEM); it may be renewed at any time")
	flags.StringVar(&f.key, "tls-key", "", "file with the certificate's private key (PEM)")
	flags.BoolVar(&f.acme, "acme", false, "serve HTTPS with certificates that Let's Encrypt issues for --hosts, to whose terms you agree; port 443 of each has to lead to --listen")
	flags.StringVar(&f.directory, "acme-directory", certificate.LetsEncrypt, "directory of another authority (RFC 8555)")
	flags.StringVar(&f.contact, "acme-contact", "", "mail address to which the authority may write")
	flags.StringVar(&f.roots, "acme-roots", "", "file with the certificates that vouch for a private authority's server (PEM)")
	flags.StringVar(&f.store, "acme-folder", "", "folder that keeps the certificates and their keys (default: below the user's configuration folder)")
}

// speech is how a listener speaks with clients.
type speech struct {
	tls *tls.Config // nil: in the clear
	// obtain asks for what is missing while the listener is served; it returns with ctx at the latest.
	obtain func(ctx context.Context)
}

// open reads what the flags name.
func (f *tlsFlags) open(hosts []string, logger *slog.Logger) (speech, error) {
	nothing := func(context.Context) {}
	switch {
	case f.acme && (f.certificate != "" || f.key != ""):
		return speech{}, usage("--acme and --tls-certificate: want one of them")
	case (f.certificate == "") != (f.key == ""):
		return speech{}, usage("--tls-certificate and --tls-key go together")
	case f.certificate != "":
		c, err := certificate.FromFiles(certificate.Files{Certificate: f.certificate, Key: f.key, Log: logger})
		if err != nil {
			return speech{}, fmt.Errorf("--tls-certificate: %w", err)
		}
		return speech{tls: c, obtain: nothing}, nil
	case !f.acme:
		return speech{obtain: nothing}, nil
	}
	folder := f.store
	if folder == "" {
		own, err := os.UserConfigDir()
		if err != nil {
			return speech{}, fmt.Errorf("find a folder for certificates: %w; name one with --acme-folder", err)
		}
		folder = filepath.Join(own, "nearlight", "certificates")
	}
	issued, err := certificate.FromAuthority(certificate.Authority{
		Names: hosts, Directory: f.directory, Contact: f.contact, Folder: folder, Roots: f.roots, Log: logger,
	})
	switch {
	case errors.Is(err, certificate.ErrNames):
		return speech{}, usage("--acme takes the names from --hosts: %w", err)
	case err != nil:
		return speech{}, fmt.Errorf("--acme: %w", err)
	}
	return speech{tls: issued.TLS(), obtain: issued.Obtain}, nil
}

// wrap makes a listener speak as it says.
func (s speech) wrap(listener net.Listener) net.Listener {
	if s.tls == nil {
		return listener
	}
	return tls.NewListener(listener, s.tls)
}
