package viewer

import (
	"crypto/ecdh"
	"crypto/mlkem"
	crand "crypto/rand"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/pion/dtls/v3/pkg/protocol/extension"
	"github.com/pion/dtls/v3/pkg/protocol/handshake"
)

// helloSuites are Chromium's cipher suites in its order: three of TLS 1.3, then those of 1.2. What it promises more than pion has is in no
// edge's interest to take: Nearlight's edges speak DTLS 1.2 with the first that is ours as well. One that took another would have no players that are
// older browsers, and fail its checks.
var helloSuites = []uint16{0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc009, 0xc013, 0xc00a, 0xc014, 0x009c, 0x002f, 0x0035}

// The groups of Chromium's public keys (RFC 8446 section 4.2.7, draft-ietf-tls-ecdhe-mlkem).
const (
	groupX25519      = 0x001d
	groupX25519MLKEM = 0x11ec
)

// extensionKeyShare is RFC 8446's number of the extension with public keys, which pion cannot write.
const extensionKeyShare = 51

// helloExtensions are what a hello of Chromium's says, but for its public keys, which no two have alike.
var helloExtensions = []helloExtension{
	{10, []byte{0, 8, 0x11, 0xec, 0, 0x1d, 0, 0x17, 0, 0x18}}, // supported_groups
	{11, []byte{1, 0}}, // ec_point_formats
	{13, []byte{0, 18, 4, 3, 8, 4, 4, 1, 5, 3, 8, 5, 5, 1, 8, 6, 6, 1, 2, 1}}, // signature_algorithms
	{14, []byte{0, 6, 0, 1, 0, 8, 0, 7, 0}},                                   // use_srtp
	{23, nil},                                                                 // extended_master_secret
	{43, []byte{4, 0xfe, 0xfc, 0xfe, 0xfd}},                                   // supported_versions: DTLS 1.3, 1.2
	{45, []byte{1, 1}},                                                        // psk_key_exchange_modes
	{65281, []byte{0}},                                                        // renegotiation_info
}

// helloExtension is one as octets.
type helloExtension struct {
	kind extension.TypeValue
	body []byte
}

// TypeValue implements extension.Extension.
func (e *helloExtension) TypeValue() extension.TypeValue { return e.kind }

// Marshal implements extension.Extension.
func (e *helloExtension) Marshal() ([]byte, error) {
	out := binary.BigEndian.AppendUint16(nil, uint16(e.kind))
	out = binary.BigEndian.AppendUint16(out, uint16(len(e.body)))
	return append(out, e.body...), nil
}

// Unmarshal implements extension.Extension.
func (e *helloExtension) Unmarshal(data []byte) error {
	if len(data) < 4 || int(binary.BigEndian.Uint16(data[2:])) != len(data)-4 {
		return fmt.Errorf("%w: an extension of %d octets", ErrBrowser, len(data))
	}
	e.kind, e.body = extension.TypeValue(binary.BigEndian.Uint16(data)), slices.Clone(data[4:])
	return nil
}

// newHelloExtensions are a connection's, in an order of chance as Chromium's are. Of its two public keys nobody keeps the private ones: what they are
// for, DTLS 1.3, is not spoken here.
func newHelloExtensions() ([]extension.Extension, error) {
	lattice, err := mlkem.GenerateKey768()
	if err != nil {
		return nil, fmt.Errorf("make a hello's key: %w", err)
	}
	var shares []byte
	share := func(group uint16, key ...[]byte) {
		joined := slices.Concat(key...)
		shares = binary.BigEndian.AppendUint16(shares, group)
		shares = binary.BigEndian.AppendUint16(shares, uint16(len(joined)))
		shares = append(shares, joined...)
	}
	curve, err := ecdh.X25519().GenerateKey(crand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a hello's key: %w", err)
	}
	own := curve.PublicKey().Bytes()
	share(groupX25519MLKEM, lattice.EncapsulationKey().Bytes(), own)
	share(groupX25519, own)
	extensions := []extension.Extension{&helloExtension{extensionKeyShare, append(binary.BigEndian.AppendUint16(nil, uint16(len(shares))), shares...)}}
	for i := range helloExtensions {
		extensions = append(extensions, &helloExtensions[i])
	}
	rand.Shuffle(len(extensions), func(i, j int) { extensions[i], extensions[j] = extensions[j], extensions[i] })
	return extensions, nil
}

// hello says what Chromium says, to the letter. An answer with a cookie says the same again.
func (b *browser) hello(hello handshake.MessageClientHello) handshake.Message {
	hello.CipherSuiteIDs, hello.Extensions = helloSuites, b.extensions
	return &hello
}

// Of DTLS's records and of the fragments of its handshake (RFC 6347 sections 4.1 and 4.2.2).
const (
	recordHeader    = 13
	fragmentHeader  = 12
	recordHandshake = 22
	kindClientHello = 1
	// greetingDatagram is how long Chromium lets the parts of a hello become, with all headers.
	greetingDatagram = 1200
)

// greeting cuts a hello where Chromium does, which calls itself DTLS 1.0 until it is answered. One goroutine uses it.
type greeting struct {
	message []byte // what has come of it, without a header
	record  uint64 // number of the record that it began in
}

// isHello reports whether a datagram of ours has a part of a hello.
func isHello(data []byte) bool {
	return len(data) > recordHeader+fragmentHeader && data[0] == recordHandshake && binary.BigEndian.Uint16(data[3:]) == 0 && data[recordHeader] == kindClientHello
}

// take takes a datagram of pion's with nothing but parts of a hello, and returns what to send in its place: nothing before the last part has come.
func (g *greeting) take(data []byte) (datagrams [][]byte, err error) {
	for len(data) > 0 {
		if !isHello(data) {
			return nil, fmt.Errorf("%w: something else beside a hello", ErrBrowser)
		}
		end := recordHeader + int(binary.BigEndian.Uint16(data[11:]))
		if len(data) < end || end < recordHeader+fragmentHeader {
			return nil, fmt.Errorf("%w: a record that is cut off", ErrBrowser)
		}
		record, fragment := data[:recordHeader], data[recordHeader:end]
		data = data[end:]
		length, offset := number24(fragment[1:]), number24(fragment[6:])
		if offset == 0 {
			g.message, g.record = nil, binary.BigEndian.Uint64(record[3:])
		}
		if offset != len(g.message) {
			return nil, fmt.Errorf("%w: a hello without its beginning", ErrBrowser)
		}
		if g.message = append(g.message, fragment[fragmentHeader:]...); len(g.message) == length {
			datagrams = append(datagrams, g.cut(fragment[:fragmentHeader])...)
		}
	}
	return datagrams, nil
}

// cut makes datagrams of a whole hello.
func (g *greeting) cut(header []byte) (datagrams [][]byte) {
	for offset := 0; offset < len(g.message); {
		part := g.message[offset:min(len(g.message), offset+greetingDatagram-recordHeader-fragmentHeader)]
		out := []byte{recordHandshake, 0xfe, 0xff}
		out = binary.BigEndian.AppendUint64(out, g.record+uint64(len(datagrams))) // in epoch 0
		out = binary.BigEndian.AppendUint16(out, uint16(fragmentHeader+len(part)))
		out = append(out, header[:6]...)
		out = append24(out, offset)
		out = append24(out, len(part))
		datagrams = append(datagrams, append(out, part...))
		offset += len(part)
	}
	return datagrams
}

func number24(b []byte) int { return int(b[0])<<16 | int(b[1])<<8 | int(b[2]) }

func append24(b []byte, n int) []byte { return append(b, byte(n>>16), byte(n>>8), byte(n)) }
