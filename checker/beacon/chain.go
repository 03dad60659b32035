package beacon

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Scheme is the one that chains have here.
const Scheme = "bls-unchained-g1-rfc9380"

// MaxAnswer is how many octets a chain or a round may be told in. They take some 500 and 250.
const MaxAnswer = 4 << 10

// Bounds of a chain.
const (
	MaxPeriod = 24 * time.Hour
	// MaxRound is the last round: a second each, they last for 34,000 years, and with the longest period their times are still whole numbers of 64 bits.
	MaxRound = 1 << 40
	// maxGenesis is in the year 36812, in seconds since 1970.
	maxGenesis = 1 << 40
	maxID      = 64
)

// Errors of what is told.
var (
	ErrForm   = errors.New("beacon: not what drand's HTTP API tells")
	ErrScheme = errors.New("beacon: the chain's scheme is not " + Scheme)
)

// Hash names a chain. It is of everything that a chain is, so that whoever has it can be told the rest by anybody.
type Hash [sha256.Size]byte

// ParseHash reads 64 hexadecimal digits, as String writes them.
func ParseHash(text string) (Hash, error) {
	var h Hash
	if err := digits(h[:], text); err != nil {
		return Hash{}, fmt.Errorf("%w: a chain's hash: %w", ErrForm, err)
	}
	return h, nil
}

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Chain is what a chain of rounds is known by.
type Chain struct {
	id      string // by which its operators call it
	group   [sha256.Size]byte
	genesis int64 // when the first round comes, in seconds since 1970
	period  int64 // in seconds
	key     publicKey
	hash    Hash
}

// info is what is told of a chain.
type info struct {
	PublicKey string   `json:"public_key"`
	Period    int64    `json:"period"`
	Genesis   int64    `json:"genesis_time"`
	Hash      string   `json:"hash"`
	GroupHash string   `json:"groupHash"` // of the operators that the chain began with
	Scheme    string   `json:"schemeID"`
	Metadata  metadata `json:"metadata"`
}

type metadata struct {
	ID string `json:"beaconID"`
}

// ParseInfo reads what /HASH/info tells. The error wraps ErrForm, or ErrScheme for a chain of another kind. A hash that is not of the
// rest is refused; whether it is the one that was meant is for who has asked.
func ParseInfo(text []byte) (*Chain, error) {
	var told info
	if err := decode(text, &told); err != nil {
		return nil, err
	}
	if told.Scheme != Scheme {
		return nil, fmt.Errorf("%w: it is %.64q", ErrScheme, told.Scheme)
	}
	c := Chain{id: told.Metadata.ID, genesis: told.Genesis, period: told.Period}
	var key [keySize]byte
	var err error
	switch {
	case c.period < 1 || c.period > int64(MaxPeriod/time.Second):
		return nil, fmt.Errorf("%w: a period of %d s, want 1 to %.0f", ErrForm, c.period, MaxPeriod.Seconds())
	case c.genesis < 0 || c.genesis > maxGenesis:
		return nil, fmt.Errorf("%w: the first round is at %d", ErrForm, c.genesis)
	case len(c.id) > maxID:
		return nil, fmt.Errorf("%w: a name of %d octets, the limit is %d", ErrForm, len(c.id), maxID)
	}
	if err := errors.Join(digits(key[:], told.PublicKey), digits(c.group[:], told.GroupHash)); err != nil {
		return nil, fmt.Errorf("%w: public_key or groupHash: %w", ErrForm, err)
	}
	if c.key, err = newPublicKey(key); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForm, err)
	}
	c.hash = c.digest()
	if said, err := ParseHash(told.Hash); err != nil {
		return nil, err
	} else if said != c.hash {
		return nil, fmt.Errorf("%w: it says that its hash is %v, and what it tells has %v", ErrForm, said, c.hash)
	}
	return &c, nil
}

// digest is drand's common/chain.Info.Hash.
func (c *Chain) digest() Hash {
	content := binary.BigEndian.AppendUint32(nil, uint32(c.period))
	content = binary.BigEndian.AppendUint64(content, uint64(c.genesis))
	content = append(content, c.key.octets[:]...)
	content = append(content, c.group[:]...)
	if c.id != "default" { // which had no name once
		content = append(content, c.id...)
	}
	return sha256.Sum256(content)
}

// Info is the chain as ParseInfo reads it.
func (c *Chain) Info() []byte {
	text, err := json.Marshal(info{
		PublicKey: hex.EncodeToString(c.key.octets[:]), Period: c.period, Genesis: c.genesis, Hash: c.hash.String(),
		GroupHash: hex.EncodeToString(c.group[:]), Scheme: Scheme, Metadata: metadata{ID: c.id},
	})
	if err != nil {
		panic(err) // of numbers and strings
	}
	return text
}

// Hash names the chain.
func (c *Chain) Hash() Hash { return c.hash }

// Period is the time from one round to the next, in whole seconds.
func (c *Chain) Period() time.Duration { return time.Duration(c.period) * time.Second }

// RoundAt is the latest round at an instant: that whose time it is, or was last. Before the first round it is 0, and from the time of MaxRound on that.
func (c *Chain) RoundAt(at time.Time) uint64 {
	seconds := at.Unix()
	if seconds < c.genesis {
		return 0
	}
	return uint64(min((seconds-c.genesis)/c.period, MaxRound-1)) + 1
}

// TimeOf is when a round comes. There is no round 0, nor one after MaxRound: they have the time of the next that there is.
func (c *Chain) TimeOf(round uint64) time.Time {
	round = min(max(round, 1), MaxRound)
	return time.Unix(c.genesis+int64(round-1)*c.period, 0)
}

// quicknet is what https://api.drand.sh/52db.../info tells.
const quicknet = `{"public_key":"83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a",` +
	`"period":3,"genesis_time":1692803367,"hash":"52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971",` +
	`"groupHash":"f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e","schemeID":"bls-unchained-g1-rfc9380","metadata":{"beaconID":"quicknet"}}`

// Quicknet is the chain of the League of Entropy with a round every three seconds, since August 2023 (https://docs.drand.love).
func Quicknet() *Chain {
	c, err := ParseInfo([]byte(quicknet))
	if err != nil {
		panic(err) // of a constant
	}
	return c
}

// decode reads JSON of at most MaxAnswer octets. Fields that are not known may be there, as servers add them.
func decode(text []byte, to any) error {
	if len(text) > MaxAnswer {
		return fmt.Errorf("%w: %d octets, the limit is %d", ErrForm, len(text), MaxAnswer)
	}
	if err := json.Unmarshal(text, to); err != nil {
		return fmt.Errorf("%w: %w", ErrForm, err)
	}
	return nil
}

// digits fills to from as many hexadecimal digits as that takes.
func digits(to []byte, text string) error {
	if len(text) != hex.EncodedLen(len(to)) {
		return fmt.Errorf("want %d hexadecimal digits, got %d", hex.EncodedLen(len(to)), len(text))
	}
	_, err := hex.Decode(to, []byte(text))
	return err
}
