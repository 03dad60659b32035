package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"time"

	"rsc.io/qr"
)

// certificateLife is what browsers accept at most of a certificate that they are asked to trust by hand.
const certificateLife = 397 * 24 * time.Hour

// lanAccess is what --lan adds: this machine's addresses on the local network, and a certificate for them. Browsers give
// gamepads, clipboard and pointer lock to secure pages only.
type lanAccess struct {
	address     netip.Addr // the one that the link shows
	addresses   []netip.Addr
	certificate tls.Certificate
}

func openLAN() (*lanAccess, error) {
	l := &lanAccess{}
	interfaces, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	for _, a := range interfaces {
		network, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		address, ok := netip.AddrFromSlice(network.IP)
		if address = address.Unmap(); !ok || !address.IsGlobalUnicast() {
			continue
		}
		l.addresses = append(l.addresses, address)
		if address.Is4() && address.IsPrivate() && !l.address.IsValid() {
			l.address = address
		}
	}
	if len(l.addresses) == 0 {
		return nil, lacks(errors.New("--lan: this machine has no address on a network; connect it, or leave --lan out"))
	}
	if !l.address.IsValid() {
		l.address = l.addresses[0]
	}
	if l.certificate, err = selfSigned(l.addresses); err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	return l, nil
}

// all are this machine's addresses on its networks; none without --lan.
func (l *lanAccess) all() []netip.Addr {
	if l == nil {
		return nil
	}
	return l.addresses
}

func selfSigned(addresses []netip.Addr) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Nearlight on the local network"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(certificateLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	for _, address := range addresses {
		template.IPAddresses = append(template.IPAddresses, address.AsSlice())
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}

// tls is the configuration of the listener. WebSockets need HTTP/1.1.
func (l *lanAccess) tls() *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{l.certificate}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}
}

// trust is the configuration of a client in this process: it trusts this one certificate.
func (l *lanAccess) trust() *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(l.certificate.Leaf)
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

// hosts are the Host headers that a browser on the network sends.
func (l *lanAccess) hosts() []string {
	hosts := make([]string, 0, len(l.addresses))
	for _, address := range l.addresses {
		if address.Is6() {
			hosts = append(hosts, "["+address.String()+"]")
		} else {
			hosts = append(hosts, address.String())
		}
	}
	return hosts
}

// printQR draws a QR code with half-height block characters, dark on light with the quiet zone that ISO/IEC 18004 asks for.
func printQR(w io.Writer, text string) error {
	code, err := qr.Encode(text, qr.L)
	if err != nil {
		return fmt.Errorf("make the QR code: %w", err)
	}
	const quiet = 4
	var out strings.Builder
	for y := -quiet; y < code.Size+quiet; y += 2 {
		out.WriteString("\x1b[30;107m")
		for x := -quiet; x < code.Size+quiet; x++ {
			switch upper, lower := code.Black(x, y), code.Black(x, y+1); {
			case upper && lower:
				out.WriteRune('█')
			case upper:
				out.WriteRune('▀')
			case lower:
				out.WriteRune('▄')
			default:
				out.WriteByte(' ')
			}
		}
		out.WriteString("\x1b[0m\n")
	}
	_, err = io.WriteString(w, out.String())
	return err
}
