// Package certificate answers which certificate a TLS server shows: one from files, which whoever renews it may replace while the
// server runs, or one that an authority issues by itself over ACME (RFC 8555).
//
// # Concurrency
//
// The tls.Configs that it makes may be used by any number of listeners and connections at once.
package certificate

import "crypto/tls"

// webSockets is the one protocol that is offered: a WebSocket begins with an HTTP/1.1 request (RFC 6455 section 4.1).
const webSockets = "http/1.1"

func config(get func(*tls.ClientHelloInfo) (*tls.Certificate, error), protocols ...string) *tls.Config {
	return &tls.Config{GetCertificate: get, MinVersion: tls.VersionTLS12, NextProtos: append([]string{webSockets}, protocols...)}
}
