package streamer

import (
	"io"
	"sync"

	"github.com/pion/rtcp"
	"github.com/pion/transport/v4/packetio"
)

// buffers gives the connection's incoming streams their buffers, in which nothing waits. RTCP is handed to take as it comes: pion sorts
// it by the SSRC that it is about, and reads only what is about the video, while browsers send their reports on packets as being
// about whatever came last, which may have been a repeat. RTP is handed to takeRTP: a player has one stream to send at the most, which
// is told by what was offered, so that no other takes memory.
func buffers(take func(rtcp.Packet), takeRTP func([]byte)) func(packetio.BufferPacketType, uint32) io.ReadWriteCloser {
	return func(kind packetio.BufferPacketType, ssrc uint32) io.ReadWriteCloser {
		if kind == packetio.RTCPBufferPacket {
			return &rtcpTap{ssrc: ssrc, take: take, closing: closing{closed: make(chan struct{})}}
		}
		return &rtpTap{take: takeRTP, closing: closing{closed: make(chan struct{})}}
	}
}

// closing is the side of a tap that is read: nothing comes until it is closed.
type closing struct {
	closed chan struct{}
	once   sync.Once
}

func (c *closing) Read([]byte) (int, error) {
	<-c.closed
	return 0, io.EOF
}

func (c *closing) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

// rtpTap takes the packets of one incoming stream. Nothing can be read from it.
type rtpTap struct {
	take func([]byte)
	closing
}

var _ io.ReadWriteCloser = (*rtpTap)(nil)

// Write takes a packet, which is the caller's again when it returns.
func (t *rtpTap) Write(data []byte) (int, error) {
	t.take(data)
	return len(data), nil
}

// rtcpTap takes what is written about one SSRC, one packet each time. Nothing can be read from it.
type rtcpTap struct {
	ssrc uint32
	take func(rtcp.Packet)
	closing
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
