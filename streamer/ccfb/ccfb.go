// Package ccfb answers one question: what do a receiver's reports by RFC 8888 say of each packet, and how are they made? It is both
// ends of RTCP's congestion control feedback: a [Recorder] for who receives, a [Reader] for who sends, and the line of a session
// description by which the two agree on it ([Offer], [Accepted]).
//
// A report names packets by SSRC and RTP sequence number, of all streams of a connection, repeats and sound included. It tells of each in
// two octets whether it came, how long before the report in 1/1024 s, and with which ECN field (section 3.1).
//
// Neither end is safe for concurrent use.
package ccfb

import (
	"strings"
	"time"
)

const (
	// maxStreams bounds the streams of a connection: picture, repeats, repair packets, sound, and some for what comes.
	maxStreams = 8

	// The arrival time's offset has 13 bits, of which the last two values say that there is none (section 3.1).
	offsetLong    = 0x1ffe // longer ago than can be said
	offsetUnknown = 0x1fff // or after the report's own time

	// stampShift is what the report's own time has of a second: 32 bits in 1/65536 s, which go round each 18 hours.
	stampShift = 16
)

// acceptance is what an offer and an answer say: reports of all payload types (section 6).
const acceptance = "a=rtcp-fb:* ack ccfb"

// Offer adds to a description that these reports may be sent, in each section of sound or picture that is not refused. It serves for
// the answer of who sends them as well.
func Offer(description string) string {
	var out strings.Builder
	open := false // a section to add to
	end := func() {
		if open {
			out.WriteString(acceptance + "\r\n")
		}
	}
	for line := range strings.Lines(description) {
		if strings.HasPrefix(line, "m=") {
			end()
			fields := strings.Fields(line[2:])
			open = len(fields) > 1 && (fields[0] == "audio" || fields[0] == "video") && fields[1] != "0"
		}
		out.WriteString(line)
	}
	end()
	return out.String()
}

// Accepted reports whether a description says that these reports may be sent. Some name a payload type in place of all.
func Accepted(description string) bool {
	for line := range strings.Lines(description) {
		if value, is := strings.CutPrefix(line, "a=rtcp-fb:"); is {
			if fields := strings.Fields(value); len(fields) == 3 && fields[1] == "ack" && fields[2] == "ccfb" {
				return true
			}
		}
	}
	return false
}

// stampOf is an instant as a report's own time, before it is cut to 32 bits.
func stampOf(at time.Duration) int64 {
	return int64(at/time.Second)<<stampShift + int64(at%time.Second)<<stampShift/int64(time.Second)
}

// timeOf is the other way round.
func timeOf(stamp int64) time.Duration {
	const second = 1 << stampShift
	return time.Duration(stamp>>stampShift)*time.Second + time.Duration(stamp&(second-1))*time.Second>>stampShift
}
