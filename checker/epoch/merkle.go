package epoch

import "crypto/sha256"

// Tree is the root of a Merkle tree that grows at its end: the Merkle Tree Hash of RFC 9162, section 2.1.1, with SHA-256. The zero Tree has no leaf.
type Tree struct {
	// whole are the roots of whole subtrees, the largest first, of as many leaves as the ones in size say.
	whole []Hash
	size  uint64
}

// Add adds a leaf.
func (t *Tree) Add(leaf []byte) {
	hash := hashOf([]byte{0}, leaf)
	for n := t.size; n&1 == 1; n >>= 1 {
		last := len(t.whole) - 1
		hash = hashOf([]byte{1}, t.whole[last][:], hash[:])
		t.whole = t.whole[:last]
	}
	t.whole = append(t.whole, hash)
	t.size++
}

// Size is how many leaves there are.
func (t *Tree) Size() uint64 { return t.size }

// Root is the root; of no leaves it is the hash of nothing.
func (t *Tree) Root() Hash {
	if t.size == 0 {
		return hashOf()
	}
	root := t.whole[len(t.whole)-1]
	for i := len(t.whole) - 2; i >= 0; i-- {
		root = hashOf([]byte{1}, t.whole[i][:], root[:])
	}
	return root
}

func hashOf(parts ...[]byte) Hash {
	hash := sha256.New()
	for _, part := range parts {
		hash.Write(part)
	}
	return Hash(hash.Sum(nil))
}
