package streamer

import (
	"encoding/binary"
	"fmt"

	"github.com/pion/rtp"

	"nearlight/internal/media"
	"nearlight/streamer/dependency"
)

// How one packet is written.

// transmit sends a packet of the video stream. The caller holds mu.
func (o *outbound) transmit(k *kept, payload []byte) error {
	if o.wire == nil {
		return errNotBound
	}
	now := media.Now()
	if k.firstSent == 0 {
		k.firstSent = now
	}
	k.lastSent = now
	o.header = o.headerOf(k)
	o.report.count(len(payload))
	return o.write(k, payload)
}

// headerOf is the header of a packet of the video stream, without extensions.
func (o *outbound) headerOf(k *kept) rtp.Header {
	return rtp.Header{
		Version: 2, Marker: k.marker, PayloadType: k.payloadType, SequenceNumber: k.sequence, Timestamp: k.timestamp, SSRC: o.wire.ssrc,
	}
}

// repeat sends a packet again: in the stream for repeats (RFC 4588) where the player has one, else as it was. The caller holds mu.
func (o *outbound) repeat(k *kept) error {
	k.lastSent = media.Now()
	k.repeats++
	if o.wire.repeatSSRC == 0 {
		return o.transmit(k, k.payload[:k.size])
	}
	o.header = rtp.Header{
		Version: 2, Marker: k.marker, PayloadType: rtxOf(k.payloadType), SequenceNumber: o.repeats, Timestamp: k.timestamp, SSRC: o.wire.repeatSSRC,
	}
	o.repeats++
	binary.BigEndian.PutUint16(o.repeated[:], k.sequence)
	return o.write(k, o.repeated[:2+copy(o.repeated[2:], k.payload[:k.size])])
}

// writeRepair sends a repair packet of a frame, given one of its packets. It is numbered as everything else is, so that the player reports on
// it and congestion control knows of its octets. The caller holds mu.
func (o *outbound) writeRepair(sequence uint16, of *kept, payload []byte) error {
	w := o.wire
	o.header = rtp.Header{Version: 2, PayloadType: w.repairType, SequenceNumber: sequence, Timestamp: of.timestamp, SSRC: w.repairSSRC}
	if w.transportID != 0 {
		o.header.Extension, o.header.ExtensionProfile = true, rtp.ExtensionProfileOneByte
		o.header.Extensions = o.extensions[:0]
		if err := o.numbered(uint16(o.sent.next)); err != nil {
			return err
		}
	}
	o.sent.add(sentPacket{
		ssrc: w.repairSSRC, sequence: sequence, ect: o.mark(false), repair: true, frame: of.frame, size: o.header.MarshalSize() + len(payload),
	})
	if _, err := w.writer.WriteRTP(&o.header, payload); err != nil {
		return fmt.Errorf("send a repair packet: %w", err)
	}
	return nil
}

// numbered gives header a transport-wide number.
func (o *outbound) numbered(number uint16) error {
	binary.BigEndian.PutUint16(o.number[:], number)
	if err := o.header.SetExtension(o.wire.transportID, o.number[:]); err != nil {
		return fmt.Errorf("set transport-wide number: %w", err)
	}
	return nil
}

// pad brings the newest frame, once it is whole, to the octets that were asked for: it sends the newest packets again, which is worth
// more than nothing. Without a stream for repeats there is no padding. The caller holds mu.
func (o *outbound) pad() error {
	missing := o.fill - o.octets
	if o.fill == 0 || o.wire == nil || !o.kept[(o.next-1)%keptPackets].marker {
		return nil
	}
	o.fill = 0
	if o.wire.repeatSSRC == 0 {
		return nil
	}
	newest := o.kept[(o.next-1)%keptPackets].frame
	for back := uint16(1); missing > 0 && back < keptPackets/2; back++ {
		k := o.kept[(o.next-back)%keptPackets]
		if k == nil || k.sequence != o.next-back || k.firstSent == 0 {
			break
		}
		padding := *k
		padding.frame, padding.padding = newest, true
		if err := o.repeat(&padding); err != nil {
			return err
		}
		missing -= k.size + headerOctets
	}
	return nil
}

// extend gives header the extensions of a packet, with a transport-wide number.
func (o *outbound) extend(k *kept, number uint16) error {
	w := o.wire
	o.header.Extension, o.header.ExtensionProfile = true, rtp.ExtensionProfileOneByte
	o.header.Extensions = append(o.extensions[:0], w.extensions...)
	if w.captureID != 0 && k.begins {
		if err := o.header.SetExtension(w.captureID, k.wallClock[:]); err != nil {
			return fmt.Errorf("set capture time: %w", err)
		}
	}
	if w.transportID != 0 {
		if err := o.numbered(number); err != nil {
			return err
		}
	}
	if w.dependencyID != 0 {
		descriptor := dependency.Append(o.dependency[:0], uint16(k.frame), k.begins, k.marker, int(k.distance))
		if err := o.header.SetExtension(w.dependencyID, descriptor); err != nil {
			return fmt.Errorf("set dependency descriptor: %w", err)
		}
	}
	return nil
}

// write completes header and sends it with payload. The interceptors below append to Extensions and keep only copies, so
// that one header and one array serve all packets.
func (o *outbound) write(k *kept, payload []byte) error {
	if err := o.extend(k, uint16(o.sent.next)); err != nil {
		return err
	}
	ect := o.mark(k.begins && k.repeats == 0)
	o.sent.add(sentPacket{
		ssrc: o.header.SSRC, sequence: o.header.SequenceNumber, ect: ect, repeat: k.repeats > 0, padding: k.padding, frame: k.frame, size: o.header.MarshalSize() + len(payload),
	})
	if _, err := o.wire.writer.WriteRTP(&o.header, payload); err != nil {
		return fmt.Errorf("send a video packet: %w", err)
	}
	return nil
}
