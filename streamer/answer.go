package streamer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"nearlight/internal/media"
)

// readAnswer takes a player's answer to our offer of those codecs, and returns it as pion understands it.
//
// A browser that decodes none of them answers with port 0, or leaves the codecs out (RFC 8829 section 5.3.1): the error then
// wraps ErrNoCommonCodec. One that takes several writes the parameters of each in its own words, such as another level of
// H.264 (which our level-asymmetry-allowed lets it, RFC 6184 section 8.2.2), while pion drops whatever does not repeat ours
// as soon as another codec does. The payload types are those of our offer, so that each gets our parameters back.
func readAnswer(answer string, offered []media.Codec, profileLevelID string) (string, error) {
	var parsed sdp.SessionDescription
	if err := parsed.UnmarshalString(answer); err != nil {
		return "", fmt.Errorf("parse the player's answer: %w", err)
	}
	taken := false
	for _, section := range parsed.MediaDescriptions {
		if section.MediaName.Media == "audio" {
			setParameters(section, strconv.Itoa(opusPayloadType), opusParameters)
			setParameters(section, strconv.Itoa(redPayloadType), redParameters)
			setParameters(section, strconv.Itoa(microphonePayloadType), microphoneParameters)
		}
		if section.MediaName.Media != "video" || section.MediaName.Port.Value == 0 {
			continue
		}
		for i, codec := range offered {
			payloadType := strconv.Itoa(firstPayloadType + 2*i)
			if !slices.ContainsFunc(section.Attributes, func(a sdp.Attribute) bool { return a.Key == "rtpmap" && maps(a.Value, payloadType, codec) }) {
				continue
			}
			taken = true
			setParameters(section, payloadType, formatParameters(codec, profileLevelID))
		}
	}
	if !taken {
		names := make([]string, len(offered))
		for i, codec := range offered {
			names[i] = strings.TrimPrefix(codec.MimeType(), "video/")
		}
		return "", fmt.Errorf("%w: the player's browser does not decode %s", ErrNoCommonCodec, strings.Join(names, ", "))
	}
	understood, err := parsed.Marshal()
	if err != nil {
		return "", fmt.Errorf("write the player's answer: %w", err)
	}
	return string(understood), nil
}

// maps reports whether an rtpmap's value, "102 H264/90000", gives a payload type to a codec.
func maps(rtpmap, payloadType string, codec media.Codec) bool {
	number, encoding, _ := strings.Cut(rtpmap, " ")
	name, _, _ := strings.Cut(encoding, "/")
	return number == payloadType && strings.EqualFold("video/"+name, codec.MimeType())
}

// setParameters replaces the parameters of a payload type, if it has any.
func setParameters(section *sdp.MediaDescription, payloadType, parameters string) {
	for i, a := range section.Attributes {
		if number, _, _ := strings.Cut(a.Value, " "); a.Key == "fmtp" && number == payloadType {
			section.Attributes[i].Value = payloadType + " " + parameters
		}
	}
}
