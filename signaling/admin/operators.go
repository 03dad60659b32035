package admin

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"strings"
)

// Operators are those who may ask, by the digests of their tokens.
type Operators struct {
	names   []string
	digests [][sha256.Size]byte
}

// The bounds of a file of operators.
const (
	MaxOperators = 100
	MaxFile      = 64 << 10 // octets
	maxName      = 64
	// minToken and maxToken bound a token that is written into the file itself: one that can be guessed is none.
	minToken = 32
	maxToken = 256
)

const digestPrefix = "sha256:"

// ParseOperators reads an operator a line: a name, and its token or sha256: and the digest of it in hexadecimal; what follows # is a remark.
func ParseOperators(content []byte) (Operators, error) {
	var o Operators
	lines := bufio.NewScanner(bytes.NewReader(content))
	for number := 1; lines.Scan(); number++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if len(fields) != 2 {
			return Operators{}, fmt.Errorf("line %d: want a name and a token, or a name and %s with its digest", number, digestPrefix)
		}
		name, secret := fields[0], fields[1]
		if len(name) > maxName || strings.ContainsFunc(name, func(r rune) bool { return r < '!' || r > '~' }) {
			return Operators{}, fmt.Errorf("line %d: a name has 1 to %d printable ASCII characters", number, maxName)
		}
		digest, err := digestOf(secret)
		if err != nil {
			return Operators{}, fmt.Errorf("line %d: %w", number, err) // and no word of the secret
		}
		for i := range o.names {
			if o.names[i] == name || o.digests[i] == digest {
				return Operators{}, fmt.Errorf("line %d: the name or token of %s is there already", number, o.names[i])
			}
		}
		o.names, o.digests = append(o.names, name), append(o.digests, digest)
	}
	if err := lines.Err(); err != nil {
		return Operators{}, err
	}
	if len(o.names) == 0 || len(o.names) > MaxOperators {
		return Operators{}, fmt.Errorf("%d operators, want 1 to %d", len(o.names), MaxOperators)
	}
	return o, nil
}

func digestOf(secret string) (digest [sha256.Size]byte, err error) {
	if text, is := strings.CutPrefix(secret, digestPrefix); is {
		n, err := hex.Decode(digest[:], []byte(text[:min(len(text), hex.EncodedLen(sha256.Size))]))
		if err != nil || n != sha256.Size || len(text) != hex.EncodedLen(sha256.Size) {
			return digest, fmt.Errorf("want %d hexadecimal digits after %s", hex.EncodedLen(sha256.Size), digestPrefix)
		}
		return digest, nil
	}
	if len(secret) < minToken || len(secret) > maxToken {
		return digest, fmt.Errorf("a token of %d characters, want %d to %d; `nearlight admin token NAME` makes one", len(secret), minToken, maxToken)
	}
	return sha256.Sum256([]byte(secret)), nil
}

// Name is who has shown a token; ok is false for a stranger. It takes the same time whoever it is.
func (o Operators) Name(token string) (name string, ok bool) {
	if len(token) > maxToken {
		return "", false
	}
	digest := sha256.Sum256([]byte(token))
	at := -1
	for i := range o.digests {
		at = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(digest[:], o.digests[i][:]), i, at)
	}
	if at < 0 {
		return "", false
	}
	return o.names[at], true
}

// NewToken makes an operator's token, and the line of the file that lets it in and does not tell it.
func NewToken(name string) (token, line string, err error) {
	token = rand.Text() + rand.Text()
	digest := sha256.Sum256([]byte(token))
	line = name + " " + digestPrefix + hex.EncodeToString(digest[:])
	_, err = ParseOperators([]byte(line))
	return token, line, err
}
