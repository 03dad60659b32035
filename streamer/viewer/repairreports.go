package viewer

import (
	"sync"

	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	"github.com/pion/sdp/v3"
)

// videoClock is what a picture's timestamps count, in Hz.
const videoClock = 90000

// repairReports has pion's reports tell of repair packets as well. pion reads no stream of those, so that without this
// they would be reported as lost.
type repairReports struct {
	registry interceptor.Registry // of what makes the reports

	mu       sync.Mutex
	reporter interceptor.Interceptor // nil before the connection is made
	reader   interceptor.RTPReader   // nil before the first repair packet
	packet   []byte                  // that reader reads
	buffer   []byte
}

var _ interceptor.Factory = (*repairReports)(nil)

// NewInterceptor implements interceptor.Factory: it is called once for a connection.
func (r *repairReports) NewInterceptor(id string) (interceptor.Interceptor, error) {
	reporter, err := r.registry.Build(id)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reporter = reporter
	return reporter, nil
}

// arrived tells of a repair packet that has come just now; transportID is the extension that numbers it, 0 for none.
func (r *repairReports) arrived(p *rtp.Packet, transportID uint8) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.reporter == nil || transportID == 0 {
		return nil
	}
	if r.reader == nil {
		info := &interceptor.StreamInfo{
			SSRC: p.SSRC, PayloadType: p.PayloadType, ClockRate: videoClock,
			RTPHeaderExtensions: []interceptor.RTPHeaderExtension{{URI: sdp.TransportCCURI, ID: int(transportID)}},
		}
		r.reader = r.reporter.BindRemoteStream(info, interceptor.RTPReaderFunc(r.read))
	}
	header, err := p.Header.Marshal()
	if err != nil {
		return err
	}
	r.packet = header
	if r.buffer == nil {
		r.buffer = make([]byte, 1500)
	}
	_, _, err = r.reader.Read(r.buffer, nil)
	return err
}

// read hands the reporter the packet that came: its header, which is all that it looks at.
func (r *repairReports) read(to []byte, attributes interceptor.Attributes) (int, interceptor.Attributes, error) {
	return copy(to, r.packet), attributes, nil
}
