package viewer

import (
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
)

const (
	// cadenceStep is how finely the moment of a report is chosen.
	cadenceStep = metronome
	// A report on the sound or on the picture comes at times of chance between half of this and one and a half of it.
	cadenceMean = time.Second
	// cadenceFirst is from the first packet to the first report.
	cadenceFirst       = 260 * time.Millisecond
	cadenceFirstSpread = 40 * time.Millisecond
	// browserSSRC is who says it: a browser that sends nothing has no other.
	browserSSRC = 1
	// feedbackEvery is the time between two transport-wide reports: 50 ms, rounded up to the metronome.
	feedbackEvery = 4 * metronome
	feedbackSlack = 1800 * time.Microsecond
)

// cadence has reports leave when a browser's do, and in their form: sound, picture and repair packets each by itself, at times of chance. pion makes them far more
// often, and it keeps the newest.
type cadence struct {
	now func() time.Time

	mu      sync.Mutex
	left    time.Time         // when the last report did
	media   map[uint32]medium // of streams that pion knows
	reports [mediaCount]due
}

// medium is what a browser reports on by itself.
type medium uint8

const (
	ofRepairs medium = iota // pion knows nothing of their stream
	ofPicture               // and its repeats
	ofSound
	mediaCount
)

// due is a medium's next report.
type due struct {
	at     time.Time
	blocks []rtcp.ReceptionReport
	told   map[uint32]rtcp.ReceptionReport // last
}

func newCadence() *cadence { return &cadence{now: time.Now, media: make(map[uint32]medium)} }

// NewInterceptor implements interceptor.Factory: it is called once for a connection.
func (c *cadence) NewInterceptor(string) (interceptor.Interceptor, error) {
	return &cadenceInterceptor{cadence: c}, nil
}

type cadenceInterceptor struct {
	interceptor.NoOp
	cadence *cadence
}

// BindRemoteStream implements interceptor.Interceptor.
func (i *cadenceInterceptor) BindRemoteStream(info *interceptor.StreamInfo, reader interceptor.RTPReader) interceptor.RTPReader {
	of := ofPicture
	if strings.HasPrefix(strings.ToLower(info.MimeType), "audio/") {
		of = ofSound
	}
	i.cadence.mu.Lock()
	defer i.cadence.mu.Unlock()
	if len(i.cadence.media) < mostStreams {
		i.cadence.media[info.SSRC] = of
	}
	return reader
}

// BindRTCPWriter implements interceptor.Interceptor.
func (i *cadenceInterceptor) BindRTCPWriter(writer interceptor.RTCPWriter) interceptor.RTCPWriter {
	return interceptor.RTCPWriterFunc(func(packets []rtcp.Packet, attributes interceptor.Attributes) (int, error) {
		packets = i.cadence.pass(packets)
		if len(packets) == 0 {
			return 0, nil
		}
		return writer.Write(packets, attributes)
	})
}

// pass is what leaves now.
func (c *cadence) pass(packets []rtcp.Packet) []rtcp.Packet {
	c.mu.Lock()
	defer c.mu.Unlock()
	var leave []rtcp.Packet
	for _, p := range packets {
		switch p := p.(type) {
		case *rtcp.ReceiverReport:
			for _, block := range p.Reports {
				if report := c.take(block); report != nil {
					leave = append(leave, report)
				}
			}
			continue
		case *rtcp.PictureLossIndication:
			p.SenderSSRC = browserSSRC
		case *rtcp.TransportLayerNack:
			p.SenderSSRC = browserSSRC
		}
		leave = append(leave, p)
	}
	return leave
}

// take keeps a block, and returns the report that is due.
func (c *cadence) take(block rtcp.ReceptionReport) rtcp.Packet {
	if block.LastSequenceNumber == 0 {
		return nil // nothing has come
	}
	medium := &c.reports[c.media[block.SSRC]]
	now := c.now()
	if medium.at.IsZero() {
		medium.at, medium.told = now.Add(cadenceFirst+someTime(cadenceFirstSpread)), make(map[uint32]rtcp.ReceptionReport)
	}
	if at := indexOf(medium.blocks, block.SSRC); at >= 0 {
		medium.blocks[at] = block
	} else if len(medium.blocks) < mostBlocks {
		medium.blocks = append(medium.blocks, block)
	}
	if now.Before(medium.at) || now.Sub(c.left) < cadenceStep/2 { // no two leave at once
		return nil
	}
	c.left = now
	medium.at = now.Add(cadenceMean/2 + someTime(cadenceMean))
	report := &rtcp.ReceiverReport{SSRC: browserSSRC, Reports: medium.blocks}
	for i := range report.Reports {
		told := &report.Reports[i]
		told.FractionLost = lostSince(medium.told[told.SSRC], *told)
		medium.told[told.SSRC] = *told
	}
	medium.blocks = nil
	return report
}

const (
	// mostBlocks is how many streams there can be of a medium: the stream and its repeats.
	mostBlocks = 2
	// mostStreams bounds what is known of streams: pion has one for each that the edge names.
	mostStreams = 64
)

func indexOf(blocks []rtcp.ReceptionReport, ssrc uint32) int {
	for i := range blocks {
		if blocks[i].SSRC == ssrc {
			return i
		}
	}
	return -1
}

// lostSince is the share of packets that were lost between two reports, of 256 (RFC 3550 section 6.4.1).
func lostSince(before, now rtcp.ReceptionReport) uint8 {
	expected, lost := int64(now.LastSequenceNumber)-int64(before.LastSequenceNumber), int64(now.TotalLost)-int64(before.TotalLost)
	if before.SSRC == 0 || expected <= 0 || lost <= 0 {
		return 0
	}
	return uint8(min(256*lost/expected, 255))
}

// someTime is a time of chance, up to d.
func someTime(d time.Duration) time.Duration { return time.Duration(rand.Int64N(int64(d))) }

// feedbackTicker ticks when a browser makes its transport-wide reports: each time as late as the machine happens to be.
type feedbackTicker struct {
	ticks chan time.Time
	stop  chan struct{}
	once  sync.Once
}

var _ twcc.Ticker = (*feedbackTicker)(nil)

func newFeedbackTicker(time.Duration) twcc.Ticker {
	t := &feedbackTicker{ticks: make(chan time.Time, 1), stop: make(chan struct{})}
	go t.run()
	return t
}

func (t *feedbackTicker) run() {
	for next := time.Now().Add(someTime(feedbackEvery)); ; next = next.Add(feedbackEvery) { // the ticks are nobody's who comes
		timer := time.NewTimer(time.Until(next) + someTime(feedbackSlack))
		select {
		case <-t.stop:
			timer.Stop()
			return
		case now := <-timer.C:
			if now.Sub(next) > feedbackEvery {
				next = now // what was missed while the machine slept is not made up for
			}
			select {
			case t.ticks <- now:
			default: // nobody has taken the last
			}
		}
	}
}

// Ch implements twcc.Ticker.
func (t *feedbackTicker) Ch() <-chan time.Time { return t.ticks }

// Stop implements twcc.Ticker. The goroutine has ended soon after.
func (t *feedbackTicker) Stop() { t.once.Do(func() { close(t.stop) }) }
