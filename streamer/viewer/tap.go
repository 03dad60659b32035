package viewer

import (
	"io"
	"sync/atomic"

	"github.com/pion/rtp"
	"github.com/pion/transport/v4/packetio"

	"nearlight/internal/media"
)

const (
	// tapped bounds what may wait between the network and the assembler: a second of packets.
	tapped = 2048
	// streamBuffer bounds what waits of an incoming stream, in octets, as pion bounds it itself.
	streamBuffer = 1000 * 1000
)

// tap hands on every packet that a connection receives as it comes. pion passes repeats on only with the next packet of the stream
// that they repeat, and drops them while nobody reads; of repair packets it knows nothing.
type tap struct {
	packets chan arrived
	dropped atomic.Uint64 // packets that found no room
	reports *reporter     // nil for none
}

func newTap(reports *reporter) *tap {
	return &tap{packets: make(chan arrived, tapped), reports: reports}
}

// buffer gives an incoming stream its buffer, which pion reads from as ever.
func (t *tap) buffer(kind packetio.BufferPacketType, _ uint32) io.ReadWriteCloser {
	buffer := packetio.NewBuffer()
	buffer.SetLimitSize(streamBuffer)
	if kind == packetio.RTPBufferPacket {
		return &tappedBuffer{buffer, t}
	}
	return buffer
}

type tappedBuffer struct {
	*packetio.Buffer
	tap *tap
}

// Write takes one packet. What cannot be parsed, or finds no room because nobody reads, is lost.
func (b *tappedBuffer) Write(data []byte) (int, error) {
	packet := new(rtp.Packet)
	if packet.Unmarshal(append([]byte(nil), data...)) == nil {
		at := media.Now()
		if b.tap.reports != nil {
			b.tap.reports.arrived(packet, at)
		}
		select {
		case b.tap.packets <- arrived{packet: packet, at: at}:
		default:
			b.tap.dropped.Add(1)
		}
	}
	return b.Buffer.Write(data)
}
