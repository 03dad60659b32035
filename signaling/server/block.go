package server

import "net/netip"

// The bits of an address that one household, or one row of machines, has in common with its neighbours.
const (
	blockBits4 = 24
	blockBits6 = 48
)

// blockOf is the block that an edge connects from; it is not valid where the address is not.
func blockOf(from netip.Addr) netip.Prefix {
	from = from.Unmap().WithZone("")
	bits := blockBits4
	if from.Is6() {
		bits = blockBits6
	}
	block, err := from.Prefix(bits)
	if err != nil { // it is not known
		return netip.Prefix{}
	}
	return block
}

// parsedBlock reads the block that another node has told, false for what is none.
func (p presentEdge) parsedBlock() (netip.Prefix, bool) {
	if p.Block == "" {
		return netip.Prefix{}, true
	}
	block, err := netip.ParsePrefix(p.Block)
	return block, err == nil && block == blockOf(block.Addr())
}
