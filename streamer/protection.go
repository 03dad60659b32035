package streamer

import (
	"fmt"
	"math/bits"
	"time"

	"nearlight/internal/media"
	"nearlight/streamer/congestion"
	"nearlight/streamer/fec"
	"nearlight/streamer/packetizer"
	"nearlight/streamer/recovery"
)

const (
	// overheadMemory is over how many frames the cost of protection is smoothed.
	overheadMemory = 30
	// repairRoom is for what a packet that is protected has beside its payload.
	repairRoom = 128
)

// layout says which packets each repair packet protects. It is immutable.
var layout = recovery.NewLayout()

// protection makes the repair packets of a connection (package fec). They follow a frame's last packet, and protect the frame and
// those just before it. Its owner guards it.
type protection struct {
	policy   recovery.Protection
	starts   [recovery.ReachFrames]uint16 // sequence numbers of the first packets of the newest frame, and of those before it
	frame    int64                        // the newest one that was looked at
	overhead float64
	sequence uint16 // of the next repair packet

	parities [recovery.MostRepairs]fec.Parity
	image    [packetizer.MaxPayload + repairRoom]byte
	payload  [packetizer.MaxPayload + repairRoom + fec.MaxHeader]byte
}

// begun tells of the first packet of a frame that is put in line.
func (p *protection) begun(sequence uint16) {
	copy(p.starts[1:], p.starts[:])
	p.starts[0] = sequence
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
	first, now := p.starts[0], media.Now()
	count := int(o.next - first)
	from := o.protectedFrom(now)
	repairs := p.policy.Repairs(
		recovery.Protected{Packets: count, Together: int(o.next - from), Keyframe: newest.distance == 0}, o.mending.roundTrip)
	if newest.distance == 0 { // and one at least, for what is at stake
		most := recovery.Room(o.octets, int64(o.rate.target())) / (packetizer.MaxPayload + headerOctets)
		repairs = min(repairs, max(most, 1))
	}
	switch {
	case count >= keptPackets:
		repairs = 0
	case !o.mending.frames.Needed(newest.frame):
		o.mending.counts.RepairsTooLate += uint64(repairs)
		repairs = 0
	}
	spent := float64(repairs) / float64(repairs+count)
	p.overhead += (spent - p.overhead) / overheadMemory
	if repairs == 0 {
		return nil
	}
	// What is too long for one mask is protected by equal parts.
	parts := (count + recovery.Reach - 1) / recovery.Reach
	for part := range parts {
		begin, end := first+uint16(count*part/parts), first+uint16(count*(part+1)/parts)
		share := min(max(1, (repairs*(part+1)/parts)-(repairs*part/parts)), recovery.MostRepairs)
		if part == 0 {
			begin = from
		}
		if err := o.protectPart(begin, end, share); err != nil {
			return err
		}
	}
	return nil
}

// protectedFrom is the first packet that the newest frame's repair packets protect: as far back as they reach, but nothing that is
// not needed any more or was sent so long ago that its repeat will have been there before. The caller holds mu.
func (o *outbound) protectedFrom(now media.Instant) uint16 {
	p := &o.protection
	from := p.starts[0]
	for int(o.next-from) < recovery.Reach {
		k := o.kept[(from-1)%keptPackets]
		if k == nil || k.sequence != from-1 || k.firstSent == 0 || now.Sub(k.firstSent) > o.mending.roundTrip ||
			p.frame-k.frame >= recovery.ReachFrames || !o.mending.frames.Needed(k.frame) {
			break
		}
		from--
	}
	return from
}

// protectPart sends so many repair packets for the packets from one up to another. The caller holds mu.
func (o *outbound) protectPart(from, end uint16, repairs int) error {
	p := &o.protection
	for i := range repairs {
		p.parities[i].Reset()
	}
	for sequence := from; sequence != end; sequence++ {
		k := o.kept[sequence%keptPackets]
		image, err := o.imageOf(k)
		if err != nil {
			return err
		}
		age := int(p.frame - k.frame)
		index := sequence - p.starts[age]
		if age == 0 && int16(from-p.starts[0]) > 0 {
			index = sequence - from // a later part of a long frame
		}
		for set := layout.Repairs(repairs, age, int(index)); set != 0; set &= set - 1 {
			p.parities[bits.TrailingZeros32(set)].Add(image)
		}
	}
	newest := o.kept[(end-1)%keptPackets]
	for i := range repairs {
		if p.parities[i].Protects() == 0 {
			continue // fewer packets than repair packets
		}
		payload := p.parities[i].Append(p.payload[:0])
		if err := o.writeRepair(p.sequence, newest, payload); err != nil {
			return err
		}
		p.sequence++
		o.octets += len(payload) + headerOctets
		o.mending.counts.Repairs++
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
