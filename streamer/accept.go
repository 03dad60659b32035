package streamer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"nearlight/internal/media"
)

// ErrBadOffer reports that a player's offer asks for nothing that an edge can give.
var ErrBadOffer = errors.New("the offer cannot be answered")

// gatherTimeout is more than it takes to list our own ports: nothing is asked of the network.
const gatherTimeout = 3 * time.Second

// Accept answers an offer of the player's, as WHEP has it, on a peer whose configuration says Offered; the answer holds all our candidates.
// A further offer, with another user fragment, gives the connection new ways (RFC 8445 section 2.4). The error wraps ErrNoCommonCodec
// or ErrBadOffer where the player is to blame.
func (p *Peer) Accept(ctx context.Context, offer string) (answer string, err error) {
	understood, err := readOffer(offer, p.track.codecs(), p.profileLevelID)
	if err != nil {
		return "", err
	}
	if p.connection.CurrentRemoteDescription() != nil {
		p.restarting.Store(true)
	}
	if err := p.connection.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: understood}); err != nil {
		return "", fmt.Errorf("%w: %w", ErrBadOffer, err)
	}
	described, err := p.connection.CreateAnswer(nil)
	if err != nil {
		return "", fmt.Errorf("make an answer: %w", err)
	}
	gathered := webrtc.GatheringCompletePromise(p.connection)
	if err := p.connection.SetLocalDescription(described); err != nil {
		return "", fmt.Errorf("apply our own answer: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, gatherTimeout)
	defer cancel()
	select {
	case <-gathered:
	case <-ctx.Done():
		return "", fmt.Errorf("list our own addresses: %w", ctx.Err())
	}
	return p.advertised(p.connection.LocalDescription().SDP), nil
}

// advertised tells the candidates in a description by the address that players reach them at.
func (p *Peer) advertised(description string) string {
	var b strings.Builder
	for line := range strings.Lines(description) {
		if candidate, ok := strings.CutPrefix(line, "a=candidate:"); ok {
			told := advertise(webrtc.ICECandidateInit{Candidate: "candidate:" + strings.TrimRight(candidate, "\r\n")}, p.ports.Addresses(), p.ports.Advertised())
			line = "a=" + told.Candidate + "\r\n"
		}
		b.WriteString(line)
	}
	return b.String()
}

// readOffer takes a player's offer, and returns it as pion understands it: of each codec of ours the payload type that fits, with our
// parameters, and nothing else. Repeats are kept where they have the payload type behind their codec's.
func readOffer(offer string, ours []media.Codec, profileLevelID string) (string, error) {
	var parsed sdp.SessionDescription
	if err := parsed.UnmarshalString(offer); err != nil {
		return "", fmt.Errorf("%w: %w", ErrBadOffer, err)
	}
	video := 0
	for _, section := range parsed.MediaDescriptions {
		if section.MediaName.Media != "video" && section.MediaName.Media != "audio" {
			continue
		}
		_, sends := section.Attribute("sendonly")
		if _, idle := section.Attribute("inactive"); sends || idle {
			return "", fmt.Errorf("%w: a section that receives nothing", ErrBadOffer)
		}
		formats := formatsOf(section)
		if section.MediaName.Media == "audio" {
			keep(section, formats, func(f offeredFormat) (string, bool) {
				return opusParameters, strings.EqualFold(f.encoding, "opus")
			})
			continue
		}
		if video++; video > 1 {
			return "", fmt.Errorf("%w: more than one picture", ErrBadOffer)
		}
		chosen := make(map[int]media.Codec) // by payload type
		for _, codec := range ours {
			i := slices.IndexFunc(formats, func(f offeredFormat) bool { return f.decodes(codec, profileLevelID) })
			if i >= 0 {
				chosen[formats[i].payloadType] = codec
			}
		}
		if len(chosen) == 0 {
			return "", fmt.Errorf("%w: the player's offer has none of %v", ErrNoCommonCodec, ours)
		}
		keep(section, formats, func(f offeredFormat) (string, bool) {
			if codec, ok := chosen[f.payloadType]; ok {
				return formatParameters(codec, profileLevelID), true
			}
			_, repeats := chosen[f.payloadType-1]
			return f.parameters, repeats && strings.EqualFold(f.encoding, "rtx") && f.parameters == fmt.Sprintf("apt=%d", f.payloadType-1)
		})
	}
	if video == 0 {
		return "", fmt.Errorf("%w: it asks for no picture", ErrBadOffer)
	}
	understood, err := parsed.Marshal()
	if err != nil {
		return "", fmt.Errorf("write the player's offer: %w", err)
	}
	return string(understood), nil
}

// offeredFormat is a payload type of an offer.
type offeredFormat struct {
	payloadType int
	encoding    string // "H264"
	parameters  string // of its fmtp
}

func formatsOf(section *sdp.MediaDescription) []offeredFormat {
	var formats []offeredFormat
	for _, a := range section.Attributes {
		number, rest, _ := strings.Cut(a.Value, " ")
		payloadType, err := strconv.Atoi(number)
		if err != nil {
			continue
		}
		i := slices.IndexFunc(formats, func(f offeredFormat) bool { return f.payloadType == payloadType })
		switch a.Key {
		case "rtpmap":
			if i < 0 {
				formats = append(formats, offeredFormat{payloadType: payloadType})
				i = len(formats) - 1
			}
			formats[i].encoding, _, _ = strings.Cut(rest, "/")
		case "fmtp":
			if i >= 0 { // RFC 8866 asks for no order, all browsers write rtpmap first
				formats[i].parameters = rest
			}
		}
	}
	return formats
}

// decodes reports whether a payload type is one that a codec of ours can be sent in.
func (f offeredFormat) decodes(codec media.Codec, profileLevelID string) bool {
	if !strings.EqualFold("video/"+f.encoding, codec.MimeType()) {
		return false
	}
	switch codec {
	case media.H264: // RFC 6184 section 8.2.2: mode and profile are the same on both sides, the level is not
		profile := parameter(f.parameters, "profile-level-id")
		return parameter(f.parameters, "packetization-mode") == "1" && len(profile) == 6 && strings.EqualFold(profile[:2], profileLevelID[:2])
	case media.VP9:
		profile := parameter(f.parameters, "profile-id")
		return profile == "" || profile == "0"
	case media.AV1:
		profile := parameter(f.parameters, "profile")
		return profile == "" || profile == "0"
	}
	return true
}

// parameter is the value of a format's parameter; "" where it has none.
func parameter(parameters, name string) string {
	for part := range strings.SplitSeq(parameters, ";") {
		if key, value, _ := strings.Cut(strings.TrimSpace(part), "="); strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}

// keep leaves a section those formats that wanted wants, with the parameters that it gives them.
func keep(section *sdp.MediaDescription, formats []offeredFormat, wanted func(offeredFormat) (parameters string, ok bool)) {
	kept := make(map[string]string)
	section.MediaName.Formats = nil
	for _, f := range formats {
		if parameters, ok := wanted(f); ok {
			number := strconv.Itoa(f.payloadType)
			kept[number] = parameters
			section.MediaName.Formats = append(section.MediaName.Formats, number)
		}
	}
	if len(kept) == 0 { // nothing in it is for us: it is refused (RFC 3264 section 6)
		section.MediaName.Port.Value = 0
		section.MediaName.Formats = []string{"0"}
	}
	described := section.Attributes
	section.Attributes = nil
	for _, a := range described {
		number, _, _ := strings.Cut(a.Value, " ")
		parameters, ours := kept[number]
		switch a.Key {
		case "fmtp":
			continue
		case "rtpmap", "rtcp-fb":
			if !ours && (a.Key == "rtpmap" || number != "*") {
				continue
			}
		}
		section.Attributes = append(section.Attributes, a)
		if a.Key == "rtpmap" && parameters != "" {
			section.Attributes = append(section.Attributes, sdp.Attribute{Key: "fmtp", Value: number + " " + parameters})
		}
	}
}
