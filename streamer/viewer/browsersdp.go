package viewer

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"nearlight/streamer/dependency"
)

// sctpMessage is the largest message that a browser says it takes: what the edge says, and no more than this.
const sctpMessage = "262144"

// describe writes our answer as a browser writes its own: the same answer, in its order and with what it always says. The offer is
// what it answers.
func (b *browser) describe(answer, offer string) (string, error) {
	var ours, theirs sdp.SessionDescription
	if err := ours.UnmarshalString(answer); err != nil {
		return "", fmt.Errorf("parse our own answer: %w", err)
	}
	if err := theirs.UnmarshalString(offer); err != nil {
		return "", fmt.Errorf("parse the edge's offer: %w", err)
	}
	if len(ours.MediaDescriptions) != len(theirs.MediaDescriptions) {
		return "", fmt.Errorf("an answer of %d sections to an offer of %d", len(ours.MediaDescriptions), len(theirs.MediaDescriptions))
	}
	w := new(description)
	w.line("v=0")
	w.line("o=- %d %d IN IP4 127.0.0.1", ours.Origin.SessionID&^(1<<63), 2)
	w.line("s=-")
	w.line("t=0 0")
	if group, has := ours.Attribute("group"); has {
		w.line("a=group:%s", group)
	}
	w.line("a=extmap-allow-mixed")
	w.line("a=msid-semantic: WMS")
	fingerprint, _ := ours.Attribute("fingerprint")
	for i, section := range ours.MediaDescriptions {
		own := attributes{section.Attributes}
		if f := own.first("fingerprint"); f != "" {
			fingerprint = f
		}
		w.section(section, attributes{theirs.MediaDescriptions[i].Attributes}, own, fingerprint)
	}
	return w.text.String(), nil
}

// browserOrder is the order in which a browser names the extensions that it takes, whatever order they were offered in.
var browserOrder = []string{
	sdp.TransportCCURI,
	"http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
	"http://www.webrtc.org/experiments/rtp-hdrext/video-content-type",
	"http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
	dependency.URI,
}

// description is one that is being written.
type description struct{ text strings.Builder }

func (w *description) line(format string, values ...any) {
	fmt.Fprintf(&w.text, format+"\r\n", values...)
}

func (w *description) section(section *sdp.MediaDescription, theirs, own attributes, fingerprint string) {
	name := section.MediaName
	formats := name.Formats
	media := name.Media == "video" || name.Media == "audio"
	if media {
		formats = theirs.ordered(formats)
	}
	w.line("m=%s %d %s %s", name.Media, name.Port.Value, strings.Join(name.Protos, "/"), strings.Join(formats, " "))
	w.line("c=IN IP4 0.0.0.0")
	if media {
		w.line("a=rtcp:9 IN IP4 0.0.0.0")
	}
	w.line("a=ice-ufrag:%s", own.first("ice-ufrag"))
	w.line("a=ice-pwd:%s", own.first("ice-pwd"))
	w.line("a=ice-options:trickle")
	w.line("a=fingerprint:%s", fingerprint)
	w.line("a=setup:%s", own.first("setup"))
	w.line("a=mid:%s", own.first("mid"))
	if !media {
		w.line("a=sctp-port:%s", own.first("sctp-port"))
		largest := theirs.first("max-message-size")
		if largest == "" {
			largest = sctpMessage
		}
		w.line("a=max-message-size:%s", largest)
		return
	}
	for _, uri := range browserOrder {
		for _, taken := range own.all("extmap") {
			if _, named, _ := strings.Cut(taken, " "); named == uri {
				w.line("a=extmap:%s", taken)
			}
		}
	}
	for _, direction := range []string{"sendrecv", "sendonly", "recvonly", "inactive"} {
		if own.is(direction) {
			w.line("a=%s", direction)
		}
	}
	for _, key := range []string{"rtcp-mux", "rtcp-rsize"} {
		if own.is(key) {
			w.line("a=%s", key)
		}
	}
	for _, format := range formats {
		w.format(format, theirs, own)
	}
	for _, key := range []string{"msid", "ssrc"} {
		for _, value := range own.all(key) {
			w.line("a=%s:%s", key, value)
		}
	}
}

// Of what a browser says for each codec.
var (
	browserFeedback = []string{"transport-cc", "ccm fir", "nack", "nack pli"}
	browserOpus     = "minptime=10;stereo=1;useinbandfec=1"
)

func (w *description) format(format string, theirs, own attributes) {
	mapped := own.of("rtpmap", format)
	w.line("a=rtpmap:%s %s", format, mapped)
	codec, _, _ := strings.Cut(strings.ToLower(mapped), "/")
	parameters := own.of("fmtp", format)
	switch codec {
	case "rtx", "flexfec-03", "red":
	case "opus":
		w.feedback(format, theirs, "transport-cc")
		parameters = browserOpus
	default:
		w.feedback(format, theirs, browserFeedback...)
		if offered := theirs.of("fmtp", format); codec == "h264" && offered != "" {
			parameters = spelled(offered)
		}
	}
	if parameters != "" {
		w.line("a=fmtp:%s %s", format, parameters)
	}
}

// feedback is what both sides know: the edge offers it, and a browser takes it.
func (w *description) feedback(format string, theirs attributes, known ...string) {
	for _, kind := range known {
		if theirs.has("rtcp-fb", format+" "+kind) {
			w.line("a=rtcp-fb:%s %s", format, kind)
		}
	}
}

// spelled has H.264's profiles as a browser spells them (RFC 6184 section 8.1): whatever constraints were named, these say the same.
func spelled(parameters string) string {
	const key = "profile-level-id="
	before, rest, found := strings.Cut(parameters, key)
	if !found || len(rest) < 6 {
		return parameters
	}
	profile := strings.ToLower(rest[:4])
	switch {
	case profile == "42c0":
		profile = "42e0"
	case profile == "4d40":
		profile = "4d00"
	}
	return before + key + profile + rest[4:]
}

// attributes are a section's.
type attributes struct{ list []sdp.Attribute }

func (a attributes) all(key string) (values []string) {
	for _, attribute := range a.list {
		if attribute.Key == key {
			values = append(values, attribute.Value)
		}
	}
	return values
}

func (a attributes) first(key string) string {
	for _, value := range a.all(key) {
		return value
	}
	return ""
}

func (a attributes) is(key string) bool { return len(a.all(key)) > 0 }

func (a attributes) has(key, wanted string) bool {
	for _, value := range a.all(key) {
		if value == wanted {
			return true
		}
	}
	return false
}

// of is what an attribute says of a payload type.
func (a attributes) of(key, format string) string {
	for _, value := range a.all(key) {
		if about, rest, _ := strings.Cut(value, " "); about == format {
			return rest
		}
	}
	return ""
}

// ordered has formats in the order in which they are mapped here.
func (a attributes) ordered(formats []string) (in []string) {
	for _, value := range a.all("rtpmap") {
		format, _, _ := strings.Cut(value, " ")
		for _, f := range formats {
			if f == format {
				in = append(in, f)
			}
		}
	}
	return in
}

// candidate says one of our candidates as a browser would, which hides its own addresses; false where it would not tell it. No other of ours is told
// than one for UDP.
func (b *browser) candidate(c *webrtc.ICECandidate) (webrtc.ICECandidateInit, bool) {
	init := c.ToJSON()
	mid, line := "0", uint16(0)
	init.SDPMid, init.SDPMLineIndex = &mid, &line
	if c.Protocol != webrtc.ICEProtocolUDP {
		return init, false
	}
	suffix := fmt.Sprintf("generation 0 ufrag %s network-cost %d", b.ufrag, browserCost)
	switch c.Typ {
	case webrtc.ICECandidateTypeHost:
		v4, host := true, b.hosts[0]
		if address, err := netip.ParseAddr(c.Address); err == nil && address.Is6() {
			v4, host = false, b.hosts[1]
		}
		init.Candidate = fmt.Sprintf("candidate:%s 1 udp %d %s %d typ host %s", c.Foundation, priority(typeHost, v4), host, c.Port, suffix)
	default:
		init.Candidate = fmt.Sprintf("candidate:%s 1 udp %d %s %d typ %s raddr 0.0.0.0 rport 0 %s", c.Foundation, c.Priority, c.Address, c.Port, c.Typ, suffix)
	}
	return init, true
}
