// Package turntest is a TURN server for tests: over UDP, TCP and TLS, on loopback.
package turntest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"
)

// What opens the server.
const (
	Username   = "player"
	Credential = "let me through"
)

const realm = "nearlight"

// Server is a running server.
type Server struct {
	// UDP, TCP and TLS are its URLs (RFC 7065), by what lies between it and its clients. To its peers it speaks UDP.
	UDP, TCP, TLS string
	// Certificate is TLS's, in PEM: who is to trust it has to be told.
	Certificate []byte

	server *turn.Server
}

// Open starts a server, which runs until Close.
func Open() (_ *Server, err error) {
	local := net.IPv4(127, 0, 0, 1)
	certificate, text, err := selfSigned(local)
	if err != nil {
		return nil, err
	}
	var open []io.Closer
	defer func() {
		if err != nil {
			for _, c := range open {
				_ = c.Close() // another error is already on its way to the caller
			}
		}
	}()
	udp, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	open = append(open, udp)
	tcp, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	open = append(open, tcp)
	plain, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	open = append(open, plain)
	relayed := &turn.RelayAddressGeneratorStatic{RelayAddress: local, Address: "127.0.0.1"}
	key := turn.GenerateAuthKey(Username, realm, Credential)
	server, err := turn.NewServer(turn.ServerConfig{
		Realm: realm,
		AuthHandler: func(asked *turn.RequestAttributes) (string, []byte, bool) {
			return asked.Username, key, asked.Username == Username
		},
		PacketConnConfigs: []turn.PacketConnConfig{{PacketConn: udp, RelayAddressGenerator: relayed}},
		ListenerConfigs: []turn.ListenerConfig{
			{Listener: tcp, RelayAddressGenerator: relayed},
			{Listener: tls.NewListener(plain, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}), RelayAddressGenerator: relayed},
		},
		LoggerFactory: &logging.DefaultLoggerFactory{Writer: io.Discard},
	})
	if err != nil {
		return nil, fmt.Errorf("start a TURN server: %w", err)
	}
	return &Server{
		UDP:         fmt.Sprintf("turn:%v?transport=udp", udp.LocalAddr()),
		TCP:         fmt.Sprintf("turn:%v?transport=tcp", tcp.Addr()),
		TLS:         fmt.Sprintf("turns:%v?transport=tcp", plain.Addr()),
		Certificate: text, server: server,
	}, nil
}

// Close ends the server and all that it relays.
func (s *Server) Close() error { return s.server.Close() }

// Allocations is how many clients are being relayed for.
func (s *Server) Allocations() int { return s.server.AllocationCount() }

func selfSigned(address net.IP) (tls.Certificate, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{address}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if text == nil {
		return tls.Certificate{}, nil, errors.New("encode a certificate")
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, text, nil
}
