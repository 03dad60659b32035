package turn

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"nearlight/signaling"
)

const (
	// MinSecret is the least octets of a shared secret: who has a name and its password can try out secrets at leisure.
	MinSecret = 16
	// MaxPeers is how many addresses a grant may name: what fits into a user name with room to spare.
	MaxPeers = 8
	// maxUsername is what STUN has room for (RFC 8489 section 14.3).
	maxUsername = 508
)

// Grant is what a credential allows.
type Grant struct {
	Session signaling.SessionID
	Expires time.Time        // to the second
	Peers   []netip.AddrPort // what may be relayed to; none: no more than to be told one's own address
	Hidden  bool             // the player uses stand-ins for the peers
}

// Errors of Verify.
var (
	ErrExpired = errors.New("the credential has expired")
	ErrForged  = errors.New("not a credential of this secret")
)

// Key makes and checks credentials. Servers with the same secret take each other's.
type Key struct {
	secret []byte
	seal   cipher.AEAD
}

// NewKey makes a key from a shared secret.
func NewKey(secret string) (*Key, error) {
	if len(secret) < MinSecret {
		return nil, fmt.Errorf("turn: a secret of %d octets, want %d at least", len(secret), MinSecret)
	}
	raw, err := hkdf.Key(sha256.New, []byte(secret), nil, "nearlight turn peers", 32)
	if err != nil {
		return nil, fmt.Errorf("turn: %w", err)
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return nil, fmt.Errorf("turn: %w", err)
	}
	seal, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("turn: %w", err)
	}
	return &Key{secret: []byte(secret), seal: seal}, nil
}

// Sign makes the credential of a grant.
func (k *Key) Sign(g Grant) (username, password string, err error) {
	if len(g.Peers) > MaxPeers {
		return "", "", fmt.Errorf("turn: %d peers, want %d at most", len(g.Peers), MaxPeers)
	}
	open := strconv.FormatInt(g.Expires.Unix(), 10) + ":" + string(g.Session)
	plain := []byte{0}
	if g.Hidden {
		plain[0] = 1
	}
	for _, peer := range g.Peers {
		if !peer.IsValid() || peer.Port() == 0 {
			return "", "", fmt.Errorf("turn: peer %v is no address with a port", peer)
		}
		ip := peer.Addr().Unmap().AsSlice()
		plain = append(plain, byte(len(ip)))
		plain = append(plain, ip...)
		plain = binary.BigEndian.AppendUint16(plain, peer.Port())
	}
	nonce := make([]byte, k.seal.NonceSize())
	rand.Read(nonce) // never fails
	sealed := k.seal.Seal(nonce, nonce, plain, []byte(open))
	username = open + ":" + base64.RawURLEncoding.EncodeToString(sealed)
	if len(username) > maxUsername {
		return "", "", fmt.Errorf("turn: a user name of %d octets, the limit is %d", len(username), maxUsername)
	}
	return username, k.password(username), nil
}

func (k *Key) password(username string) string {
	mac := hmac.New(sha1.New, k.secret)
	mac.Write([]byte(username)) // a hash takes all
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Verify reads a user name. That its user knows the password is to be checked beside it.
func (k *Key) Verify(username string, now time.Time) (Grant, error) {
	if len(username) > maxUsername {
		return Grant{}, ErrForged
	}
	expiry, rest, _ := strings.Cut(username, ":")
	session, sealed, found := strings.Cut(rest, ":")
	seconds, err := strconv.ParseInt(expiry, 10, 64)
	if err != nil || !found || session == "" {
		return Grant{}, ErrForged
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil || len(raw) < k.seal.NonceSize() {
		return Grant{}, ErrForged
	}
	plain, err := k.seal.Open(nil, raw[:k.seal.NonceSize()], raw[k.seal.NonceSize():], []byte(expiry+":"+session))
	if err != nil || len(plain) == 0 {
		return Grant{}, ErrForged
	}
	g := Grant{Session: signaling.SessionID(session), Expires: time.Unix(seconds, 0), Hidden: plain[0] == 1}
	for rest := plain[1:]; len(rest) > 0; {
		length := int(rest[0])
		if len(rest) < 1+length+2 || len(g.Peers) == MaxPeers {
			return Grant{}, ErrForged
		}
		ip, ok := netip.AddrFromSlice(rest[1 : 1+length])
		if !ok {
			return Grant{}, ErrForged
		}
		g.Peers = append(g.Peers, netip.AddrPortFrom(ip, binary.BigEndian.Uint16(rest[1+length:])))
		rest = rest[1+length+2:]
	}
	if !now.Before(g.Expires) {
		return Grant{}, ErrExpired
	}
	return g, nil
}

// standIns are the networks that stand-ins are of: TEST-NET-1 (RFC 5737), and its like of IPv6 (RFC 3849). They lead nowhere.
var (
	standIn4 = netip.MustParseAddr("192.0.2.1")
	standIn6 = netip.MustParseAddr("2001:db8::1")
)

// StandIn is what a player with a hidden grant is told in place of a peer.
func StandIn(peer netip.AddrPort, index int) netip.AddrPort {
	ip := standIn4
	if peer.Addr().Unmap().Is6() {
		ip = standIn6
	}
	for range index {
		ip = ip.Next()
	}
	return netip.AddrPortFrom(ip, standInPort)
}

// standInPort is the port of all stand-ins: the real one would narrow down whose it is. Chromium takes no candidate below 1024.
const standInPort = 49152
