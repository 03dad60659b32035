package udpmux

import "net/netip"

// Write sends as pion does, from the first socket.
func (p *Ports) Write(data []byte, to netip.AddrPort) (int, error) {
	return p.first.WriteToAddrPort(data, to)
}

// SendPlainly has the first socket send every packet by itself.
func (p *Ports) SendPlainly() { p.first.plain.Store(true) }

// Plain reports whether it does.
func (p *Ports) Plain() bool { return p.first.plain.Load() }

// What a train holds at most.
const (
	TrainPackets = trainPackets
	TrainBytes   = trainBytes
)
