package viewer

import (
	"github.com/pion/interceptor"
	"github.com/pion/rtp"

	"nearlight/internal/media"
)

// tapped bounds what may wait between the network and the assembler: a second of packets.
const tapped = 2048

// tap hands on every packet that a connection receives as it comes, repeats in a stream of their own as well: pion passes those on
// only with the next packet of the stream itself, and drops them while nobody reads.
type tap struct {
	interceptor.NoOp
	packets chan arrived
}

var (
	_ interceptor.Factory     = (*tap)(nil)
	_ interceptor.Interceptor = (*tap)(nil)
)

func newTap() *tap { return &tap{packets: make(chan arrived, tapped)} }

// NewInterceptor implements interceptor.Factory: a tap is one connection's.
func (t *tap) NewInterceptor(string) (interceptor.Interceptor, error) { return t, nil }

// BindRemoteStream implements interceptor.Interceptor.
func (t *tap) BindRemoteStream(_ *interceptor.StreamInfo, reader interceptor.RTPReader) interceptor.RTPReader {
	return interceptor.RTPReaderFunc(func(b []byte, a interceptor.Attributes) (int, interceptor.Attributes, error) {
		n, attributes, err := reader.Read(b, a)
		if err == nil {
			t.take(append([]byte(nil), b[:n]...), media.Now())
		}
		return n, attributes, err
	})
}

// take hands on one packet. What cannot be parsed, or finds no room because nobody reads, is lost.
func (t *tap) take(data []byte, at media.Instant) {
	packet := new(rtp.Packet)
	if packet.Unmarshal(data) != nil {
		return
	}
	select {
	case t.packets <- arrived{packet: packet, at: at}:
	default:
	}
}
