package identity

import (
	"encoding/binary"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/crypto"
)

// The domain of all statements (EIP-712, eip712Domain with name and version alone).
const (
	domainType    = "EIP712Domain(string name,string version)"
	domainName    = "Nearlight"
	domainVersion = "1"
)

var domain = hashStruct(typeHash(domainType), text(domainName), text(domainVersion))

// word is a field of a statement as EIP-712 encodes it.
type word = [32]byte

// digestOf is what is signed of a statement: its type as encodeType has it, and its fields in that order.
func digestOf(kind string, fields ...word) Digest { return digestOfType(typeHash(kind), fields...) }

// digestOfType is digestOf for a type whose hash is known.
func digestOfType(kind word, fields ...word) Digest {
	of := hashStruct(kind, fields...)
	return Digest(crypto.Keccak256([]byte{0x19, 0x01}, domain[:], of[:]))
}

func typeHash(kind string) word { return word(crypto.Keccak256([]byte(kind))) }

func hashStruct(kind word, fields ...word) word {
	parts := make([][]byte, 0, 1+len(fields))
	parts = append(parts, kind[:])
	for i := range fields {
		parts = append(parts, fields[i][:])
	}
	return word(crypto.Keccak256(parts...))
}

func text(value string) word { return word(crypto.Keccak256([]byte(value))) }

func number(value uint64) (w word) {
	binary.BigEndian.PutUint64(w[24:], value)
	return w
}

func address(value Address) (w word) {
	copy(w[12:], value[:])
	return w
}

// instant is a time in whole seconds since 1970. Those before have none, and are refused by who checks them.
func instant(value time.Time) word { return number(uint64(max(value.Unix(), 0))) }

// validValues reports whether r and s are in the ranges that Sign keeps to.
func validValues(s Signature) bool {
	return crypto.ValidateSignatureValues(s[64]-firstV, new(big.Int).SetBytes(s[:32]), new(big.Int).SetBytes(s[32:64]), true)
}
