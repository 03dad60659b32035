// Package binding answers whether the two ends of a connection are who they should be, whatever signaling says: the edge one that the
// player's token trusts, the player the one that the session is for, and nobody between them.
//
// DTLS knows its peer by the fingerprint of a certificate, and the fingerprints travel in session descriptions that signaling relays (RFC
// 8122): who relays can put his own in their place, and stand in the middle. So both ends sign the statement identity.Binding, with the
// fingerprints that each has of its own and was told of the other. They differ on both sides of a man in the middle, and no signature
// that an honest end gives is of what he would need.
//
//	edge                                   player
//	  offer {address, epoch, signature} --->  is the address one that the token trusts?
//	                                          signs with its session's key
//	  is it the session's key?   <---------- answer {player's address, signature}
//	  signs                                   nothing is shown, nothing sent
//	  bound {signature} -------------------->  now it is
//
// The edge signs what it offers as well, for everybody: who wants to know whose certificate it is, and not to show that, looks at that signature alone (Player.Expect).
//
// The edge takes no answer, and so no packet, before the player's signature is right, where the token demands one. The first key that
// signs for a session is the session's: another one cannot resume it. Where signaling tells the player of a lease, that has to be signed by
// the same edge.
//
// An Edge and a Player are one session's, and belong to one goroutine.
package binding

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"nearlight/internal/identity"
	"nearlight/signaling"
)

// ErrDescription reports a description that does not name exactly one certificate, by SHA-256.
var ErrDescription = errors.New("binding: the description names not exactly one certificate by SHA-256")

// attribute begins a fingerprint's line (RFC 8122 section 5).
const attribute = "a=fingerprint:sha-256 "

// Print returns the fingerprint of the certificate that a session description names. It may appear several times, and then has to be
// the same. Whatever could be a fingerprint to another reader and is not to this one is refused.
func Print(sdp string) (identity.Fingerprint, error) {
	var print identity.Fingerprint
	found := false
	for line := range strings.SplitSeq(sdp, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if strings.ContainsAny(line, "\r\x00") {
			return identity.Fingerprint{}, fmt.Errorf("%w: a line ends in the middle", ErrDescription)
		}
		if !strings.Contains(strings.ToLower(line), "fingerprint") {
			continue
		}
		pairs, ok := strings.CutPrefix(line, attribute)
		if !ok {
			return identity.Fingerprint{}, fmt.Errorf("%w: %.80q", ErrDescription, line)
		}
		one, ok := parsePrint(pairs)
		if !ok || found && one != print {
			return identity.Fingerprint{}, fmt.Errorf("%w: %.120q", ErrDescription, line)
		}
		print, found = one, true
	}
	if !found {
		return identity.Fingerprint{}, ErrDescription
	}
	return print, nil
}

// parsePrint reads pairs of hexadecimal digits with colons between them.
func parsePrint(text string) (print identity.Fingerprint, ok bool) {
	if len(text) != 3*len(print)-1 {
		return print, false
	}
	for i := range print {
		if i > 0 && text[3*i-1] != ':' {
			return print, false
		}
		if _, err := hex.Decode(print[i:i+1], []byte(text[3*i:3*i+2])); err != nil {
			return print, false
		}
	}
	return print, true
}

// unproven is what a player is told, and cause what the log is.
func unproven(cause error, format string, arguments ...any) error {
	told := signaling.Errorf(signaling.CodeUnproven, format, arguments...)
	if cause == nil {
		return told
	}
	return fmt.Errorf("binding: %w (%w)", told, cause)
}
