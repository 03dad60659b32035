package streamer

import (
	"io"
	"sync"

	"github.com/pion/rtcp"
	"github.com/pion/transport/v4/packetio"
)

// rtpBuffer bounds what waits of an incoming stream, in octets, as pion bounds it itself.
const rtpBuffer = 1000 * 1000

// buffers gives the connection's incoming streams their buffers. RTCP is not buffered but handed to take as it comes: pion sorts it
// by the SSRC that it is about, and reads only what is about the video, while browsers send their reports on packets as being
// about whatever came last, which may have been a repeat.
func buffers(take func(rtcp.Packet)) func(packetio.BufferPacketType, uint32) io.ReadWriteCloser {
	return func(kind packetio.BufferPacketType, ssrc uint32) io.ReadWriteCloser {
		if kind == packetio.RTCPBufferPacket {
			return &rtcpTap{ssrc: ssrc, take: take, closed: make(chan struct{})}
		}
		buffer := packetio.NewBuffer()
		buffer.SetLimitSize(rtpBuffer)
		return buffer
	}
}

// rtcpTap takes what is written about one SSRC, one packet each time. Nothing can be read from it.
type rtcpTap struct {
	ssrc   uint32
	take   func(rtcp.Packet)
	closed chan struct{}
	once   sync.Once
}

var _ io.ReadWriteCloser = (*rtcpTap)(nil)

// Write takes a packet; one that cannot be parsed was made by nobody we know, and is dropped. A packet about several SSRCs is
// written to each one's tap, and taken from the first's.
func (t *rtcpTap) Write(data []byte) (int, error) {
	packets, err := rtcp.Unmarshal(data)
	if err != nil {
		return len(data), nil
	}
	for _, p := range packets {
		if about := p.DestinationSSRC(); len(about) == 0 || about[0] == t.ssrc {
			t.take(p)
		}
	}
	return len(data), nil
}

func (t *rtcpTap) Read([]byte) (int, error) {
	<-t.closed
	return 0, io.EOF
}

func (t *rtcpTap) Close() error {
	t.once.Do(func() { close(t.closed) })
	return nil
}
