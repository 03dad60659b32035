package identity

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/ethereum/go-ethereum/common"
)

// Address names a key. The zero Address names none.
type Address [20]byte

// ErrAddress reports text that is no address.
var ErrAddress = errors.New("identity: not an address")

// addressLength is an address's length as text.
const addressLength = 2 + 2*len(Address{})

// String is the address with its checksum (EIP-55).
func (a Address) String() string { return common.Address(a).Hex() }

// IsZero reports whether the address names no key.
func (a Address) IsZero() bool { return a == Address{} }

// ParseAddress reads an address as String writes it. Its capitals are a checksum: text without them is refused with the right spelling,
// text with others is a slip that nobody can mend.
func ParseAddress(text string) (Address, error) {
	digits, found := strings.CutPrefix(text, "0x")
	if !found || len(text) != addressLength {
		return Address{}, fmt.Errorf("%w: want 0x and 40 hexadecimal digits", ErrAddress)
	}
	var a Address
	if _, err := hex.Decode(a[:], []byte(digits)); err != nil {
		return Address{}, fmt.Errorf("%w: want 0x and 40 hexadecimal digits", ErrAddress)
	}
	switch {
	case a.String() == text:
		return a, nil
	case digits == strings.ToLower(digits), digits == strings.ToUpper(digits):
		return Address{}, fmt.Errorf("%w: %s has no checksum; if it is right, write %s", ErrAddress, text, a)
	}
	return Address{}, fmt.Errorf("%w: the checksum of %s is wrong (EIP-55); copy it again", ErrAddress, text)
}

// MarshalText implements encoding.TextMarshaler.
func (a Address) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *Address) UnmarshalText(text []byte) error {
	parsed, err := ParseAddress(string(text))
	if err != nil {
		return err
	}
	*a = parsed
	return nil
}
