package streamer

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/gcc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"nearlight/internal/media"
	"nearlight/streamer/congestion"
)

// googRate is pion's Google Congestion Control, as a baseline to compare with.
type googRate struct {
	bwe        *gcc.SendSideBWE
	extensions []interceptor.RTPHeaderExtension // that the estimator finds a packet's number by
	writers    map[uint32]interceptor.RTPWriter // by SSRC; they record what has left
}

var _ rateControl = (*googRate)(nil)

// googStart is what a connection begins with: as ours does.
const googStart = 3 * media.Mbps

// The rate never falls under a part of what was asked for, nor under what a small picture needs: the estimator is known to collapse
// when the app sends less than it may.
const (
	minimumShare   = 8
	minimumBitrate = 500 * media.Kbps
)

func newGoogRate(start, most media.Bitrate, loggers pionLoggers) (*googRate, error) {
	if start == 0 {
		start = googStart
	}
	bwe, err := gcc.NewSendSideBWE(
		gcc.SendSideBWEPacer(gcc.NewNoOpPacer()), // pion's pacer queues without bound
		gcc.SendSideBWEInitialBitrate(int(min(start, most))),
		gcc.SendSideBWEMinBitrate(int(max(most/minimumShare, minimumBitrate))),
		gcc.SendSideBWEMaxBitrate(int(most)),
		gcc.WithLoggerFactory(loggers),
	)
	if err != nil {
		return nil, fmt.Errorf("set up the rate estimate: %w", err)
	}
	return &googRate{bwe: bwe}, nil
}

// bind begins to take packets of what was negotiated.
func (g *googRate) bind(w *wire) {
	g.extensions = []interceptor.RTPHeaderExtension{{URI: transportNumberURI, ID: numberID}}
	if w.ccfb {
		g.extensions = nil // then it knows packets as RFC 8888's reports name them
	}
	g.writers = make(map[uint32]interceptor.RTPWriter)
}

// writer is where packets of a stream are recorded: it wants to have heard of each.
func (g *googRate) writer(ssrc uint32) interceptor.RTPWriter {
	known, is := g.writers[ssrc]
	if !is {
		nowhere := interceptor.RTPWriterFunc(func(_ *rtp.Header, payload []byte, _ interceptor.Attributes) (int, error) { return len(payload), nil })
		known = g.bwe.AddStream(&interceptor.StreamInfo{SSRC: ssrc, RTPHeaderExtensions: g.extensions}, nowhere)
		g.writers[ssrc] = known
	}
	return known
}

// numberID is the identifier of the transport-wide number in the headers that only the estimator sees.
const numberID = 1

// sent hands the estimator a packet as if it were sent now: it has no other way to be told.
func (g *googRate) sent(p *sentPacket) {
	header := rtp.Header{Version: 2, SSRC: p.ssrc, SequenceNumber: p.sequence}
	var number [2]byte
	binary.BigEndian.PutUint16(number[:], uint16(p.number))
	if err := header.SetExtension(numberID, number[:]); err != nil {
		panic("two octets fit an extension: " + err.Error())
	}
	if _, err := g.writer(p.ssrc).Write(&header, make([]byte, max(p.size-header.MarshalSize(), 0)), nil); err != nil {
		panic("nothing below the estimator fails: " + err.Error())
	}
}

func (*googRate) produced(int)                      {}
func (*googRate) grant() Grant                      { return Grant{} }
func (*googRate) acknowledged(int64, time.Duration) {}
func (*googRate) setFrameRate(int)                  {}
func (*googRate) restart()                          {} // its estimate of the old way stands until reports of the new one come

func (g *googRate) reported(p rtcp.Packet) error { return g.bwe.WriteRTCP([]rtcp.Packet{p}, nil) }

func (g *googRate) target() media.Bitrate { return media.Bitrate(g.bwe.GetTargetBitrate()) }

func (g *googRate) figures() congestion.Figures {
	return congestion.Figures{Target: congestion.Bitrate(g.bwe.GetTargetBitrate())}
}

func (g *googRate) close() error { return g.bwe.Close() }
