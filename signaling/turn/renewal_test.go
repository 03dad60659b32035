package turn

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
)

func TestARenewedCertificateIsShownToWhoComesAndEndsNoConnection(t *testing.T) {
	var shown atomic.Pointer[tls.Certificate]
	renew := func() []byte {
		next := selfSigned(t).Certificates[0]
		shown.Store(&next)
		return next.Certificate[0]
	}
	first := renew()
	s := served(t, func(c *Config) {
		c.TLS = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return shown.Load(), nil }}
	})
	greeted := func() []byte {
		conn, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.Port()), &tls.Config{InsecureSkipVerify: true}) // it signs itself; which one it is is asked
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].Raw
	}
	edge := newPeer(t)
	relayed := allocated(t, player(t, s, "tls", Grant{Session: "s-1", Peers: []netip.AddrPort{edge.at()}}))
	echoed(t, relayed, edge.LocalAddr(), edge)
	if !bytes.Equal(greeted(), first) {
		t.Error("another certificate than the first is shown")
	}
	second := renew()
	if !bytes.Equal(greeted(), second) {
		t.Error("who comes is not shown the renewed certificate")
	}
	echoed(t, relayed, edge.LocalAddr(), edge) // by the connection of before
}
