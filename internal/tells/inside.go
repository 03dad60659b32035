package tells

import (
	"encoding/binary"
	"fmt"
	"time"

	"nearlight/streamer/control"
)

// reports looks at RTCP (RFC 3550 section 6, RFC 4585 section 6).
func (f Features) reports(all []Report, length time.Duration) {
	times := map[string][]time.Duration{}
	for _, r := range all {
		form := ""
		for data := r.Data; len(data) >= 4; {
			size := 4 * (int(binary.BigEndian.Uint16(data[2:])) + 1)
			if size > len(data) {
				f.is(RTCP, "malformed", "packet")
				break
			}
			if form != "" {
				form += "+"
			}
			count := data[0] & 31
			switch kind := data[1]; kind {
			case 201: // reports on no, one, or several streams
				form += fmt.Sprintf("receiver report(%d)", count)
			case 202:
				form += fmt.Sprintf("SDES(%d)", size)
			case 205, 206:
				form += fmt.Sprintf("%d/%d", kind, count)
			default:
				form += fmt.Sprint(kind)
			}
			if data[1] == 201 {
				count = 0 // of streams
			}
			if len(data) >= 8 && (data[1] == 205 || data[1] == 206 || data[1] == 201) {
				f.is(RTCP, fmt.Sprintf("sender of %d/%d", data[1], count), senderForm(binary.BigEndian.Uint32(data[4:])))
			}
			data = data[size:]
		}
		times[form] = append(times[form], r.At)
	}
	for form, at := range times {
		f.is(RTCP, "compound", form)
		f.number(RTCP, form+" a second", float64(len(at))/max((length-at[0]).Seconds(), 1))
		f.spread(RTCP, form+" interval", intervals(at))
	}
}

// senderForm is what an SSRC says of who chose it.
func senderForm(ssrc uint32) string {
	if ssrc < 1000 {
		return fmt.Sprint(ssrc)
	}
	return "chance"
}

// messages looks at what comes on the data channels.
func (f Features) messages(r *Recording) {
	sent := make(map[uint32]time.Duration, len(r.Sent))
	for _, frame := range r.Sent {
		sent[frame.RTP] = frame.At
	}
	var motion, reliable control.Parser
	var acks, delays, presented, decode, pings, keys, held, holds []time.Duration
	var phases, received []time.Duration
	var last *control.Ack
	down := map[uint16]time.Duration{}
	fine, finePresented, total := 0, 0, 0
	for _, m := range r.Messages {
		parser, channel := &motion, control.OnMotion
		if m.Control {
			parser, channel = &reliable, control.OnControl
		}
		parsed, err := parser.Parse(control.FromPlayer, channel, m.Data)
		if err != nil {
			f.is(Messages, "malformed", err)
			continue
		}
		kind := fmt.Sprintf("%T", parsed)
		switch parsed := parsed.(type) {
		case *control.Ack:
			f.number(Messages, "kind "+kind, 1)
			acks = append(acks, m.At)
			if at, known := sent[parsed.RTP]; known {
				delays = append(delays, m.At-at)
			}
			presented = append(presented, parsed.Presented-parsed.Received)
			decode = append(decode, parsed.Decode)
			total++
			if parsed.Received%(100*time.Microsecond) != 0 {
				fine++
			}
			if parsed.Presented%(100*time.Microsecond) != 0 {
				finePresented++
			}
			if last != nil {
				f.number(Messages, "skipped frames", f[Messages]["skipped frames"]+float64(parsed.Frames-last.Frames-1))
				phases = append(phases, parsed.Presented-last.Presented)
				received = append(received, parsed.Received-last.Received)
			} else {
				f.number(Messages, "clock at the first ack, log", logSeconds(parsed.Received))
				f.number(Messages, "frames at the first ack", float64(parsed.Frames))
			}
			ack := *parsed
			last = &ack
		case *control.Ping:
			f.number(Messages, "kind "+kind, 1)
			if len(pings) == 0 {
				f.number(Messages, "clock at the first ping, log", logSeconds(parsed.Sent))
				f.is(Messages, "first ping's id is small", parsed.ID < 1000)
			}
			f.is(Messages, "ping on 100 us", parsed.Sent%(100*time.Microsecond) == 0)
			pings = append(pings, m.At)
		case *control.Key:
			f.number(Input, "kind "+kind, 1)
			keys = append(keys, m.At)
			if parsed.Down {
				down[parsed.Code] = m.At
			} else if at, was := down[parsed.Code]; was {
				holds = append(holds, m.At-at)
			}
		case *control.Held:
			f.number(Input, "kind "+kind, 1)
			held = append(held, m.At)
		default:
			f.number(Input, "kind "+kind, 1)
		}
	}
	if total > 0 {
		f.number(Messages, "received is finer than 100 us", float64(fine)/float64(total))
		f.number(Messages, "presented is finer than 100 us", float64(finePresented)/float64(total))
		f.number(Messages, "frames told", float64(last.Frames)/float64(total))
	}
	f.spread(Messages, "ack interval", intervals(acks))
	f.spread(Messages, "ack after frame", delays)
	f.spread(Messages, "presented after received", presented)
	f.spread(Messages, "presented interval", phases)
	f.spread(Messages, "received interval", received)
	f.spread(Messages, "decode", decode)
	f.spread(Messages, "ping interval", intervals(pings))
	f.number(Input, "held a key", float64(len(held))/float64(max(len(keys), 1)))
	f.spread(Input, "key interval", intervals(keys))
	f.spread(Input, "key held", holds)
}

// logSeconds is roughly how large a clock's value is: the number of its octal digits.
func logSeconds(d time.Duration) float64 {
	digits := 0
	for s := d / time.Second; s > 0; s /= 8 {
		digits++
	}
	return float64(digits)
}
