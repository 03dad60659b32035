package streamer

import (
	"fmt"
	"time"

	"github.com/pion/rtp"

	"nearlight/internal/media"
	"nearlight/streamer/congestion"
	"nearlight/streamer/fec"
	"nearlight/streamer/packetizer"
	"nearlight/streamer/recovery"
)

const (
	// mostRepairs bounds the repair packets of a frame, or of each part of a frame that is too long for one.
	mostRepairs = 16
	// partLength is how many packets of a long frame are protected together.
	partLength = 96
	// overheadMemory is over how many frames the cost of protection is smoothed.
	overheadMemory = 30
	// repairRoom is for what a packet that is protected has beside its payload.
	repairRoom = 128
)

// protection makes the repair packets of a connection (package fec). A frame is protected as a whole, behind its last packet. Repair
// packets have no transport-wide number: the player reports on what they protect. Its owner guards it.
type protection struct {
	policy   recovery.Protection
	first    uint16 // sequence number of the newest frame's first packet
	frame    int64  // the newest one that was looked at
	overhead float64
	sequence uint16 // of the next repair packet

	parities [mostRepairs]fec.Parity
	header   rtp.Header
	image    [packetizer.MaxPayload + repairRoom]byte
	payload  [packetizer.MaxPayload + repairRoom + fec.MaxHeader]byte
}

// share is the share of what is sent that is not for repair packets.
func (p *protection) share() float64 { return 1 - p.overhead }

// observe takes what is known of the link, once each frame. While its queue is full, repair packets would only make it fuller.
func (p *protection) observe(f congestion.Figures) {
	switch f.State {
	case congestion.Braking, congestion.Draining, congestion.Starved:
		return
	}
	p.policy.Observe(f.Loss)
}

// protect sends the newest frame's repair packets once it is whole. The caller holds mu.
func (o *outbound) protect() error {
	p := &o.protection
	newest := o.kept[(o.next-1)%keptPackets]
	if o.wire == nil || o.wire.repairSSRC == 0 || newest == nil || !newest.marker || newest.frame == p.frame {
		return nil
	}
	p.frame = newest.frame
	count := int(o.next - p.first)
	repairs := p.policy.Repairs(count, o.mending.roundTrip)
	spent := 0.0
	if repairs > 0 && count < keptPackets {
		spent = float64(repairs) / float64(repairs+count)
		for from := 0; from < count; from += partLength {
			length := min(partLength, count-from)
			if err := o.protectPart(p.first+uint16(from), length, max(1, repairs*length/count)); err != nil {
				return err
			}
		}
	}
	p.overhead += (spent - p.overhead) / overheadMemory
	return nil
}

// protectPart sends so many repair packets for so many packets from one on. Each protects every so-manieth, so that a burst of
// losses hits several of them once each.
func (o *outbound) protectPart(first uint16, count, repairs int) error {
	p := &o.protection
	repairs = min(repairs, mostRepairs)
	for i := range repairs {
		p.parities[i].Reset()
	}
	timestamp := uint32(0)
	for i := range count {
		k := o.kept[(first+uint16(i))%keptPackets]
		image, err := o.imageOf(k)
		if err != nil {
			return err
		}
		p.parities[i%repairs].Add(image)
		timestamp = k.timestamp
	}
	for i := range repairs {
		p.header = rtp.Header{
			Version: 2, PayloadType: o.wire.repairType, SequenceNumber: p.sequence, Timestamp: timestamp, SSRC: o.wire.repairSSRC,
		}
		p.sequence++
		if _, err := o.wire.writer.WriteRTP(&p.header, p.parities[i].Append(p.payload[:0])); err != nil {
			return fmt.Errorf("send a repair packet: %w", err)
		}
	}
	return nil
}

// imageOf is a packet of the stream as it is protected: as it left, but for its transport-wide number.
func (o *outbound) imageOf(k *kept) ([]byte, error) {
	o.header = o.headerOf(k)
	if err := o.extend(k, 0); err != nil {
		return nil, err
	}
	n, err := o.header.MarshalTo(o.protection.image[:])
	if err != nil {
		return nil, fmt.Errorf("write a packet that is to be protected: %w", err)
	}
	return o.protection.image[:n+copy(o.protection.image[n:], k.payload[:k.size])], nil
}

// unprotected is what is left of a rate for the encoder.
func (o *outbound) unprotected(rate media.Bitrate) media.Bitrate {
	o.mu.Lock()
	defer o.mu.Unlock()
	return media.Bitrate(float64(rate) * o.protection.share())
}

// setRoundTrip tells the newest one.
func (o *outbound) setRoundTrip(roundTrip time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mending.roundTrip = roundTrip
}
