package streamer

import (
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
)

// pairRTX keeps the payload type of retransmissions that of the packets they repeat. The responder stamps what it keeps
// with the one type that the stream was bound to, while our stream changes its codec without a new negotiation; a browser
// would take a packet that comes again in the wrong type for one of the wrong codec. It is bound after, so that it sees
// packets before, the responder, on the goroutine that writes them.
type pairRTX struct{ interceptor.NoOp }

var _ interceptor.Interceptor = (*pairRTX)(nil)

// NewInterceptor implements interceptor.Factory.
func (p *pairRTX) NewInterceptor(string) (interceptor.Interceptor, error) { return p, nil }

// BindLocalStream implements interceptor.Interceptor.
func (*pairRTX) BindLocalStream(info *interceptor.StreamInfo, next interceptor.RTPWriter) interceptor.RTPWriter {
	if info.PayloadTypeRetransmission == 0 {
		return next // the player repeats nothing
	}
	return interceptor.RTPWriterFunc(func(header *rtp.Header, payload []byte, attributes interceptor.Attributes) (int, error) {
		if header.SSRC == info.SSRC {
			info.PayloadTypeRetransmission = rtxOf(header.PayloadType)
		}
		return next.Write(header, payload, attributes)
	})
}
