package edge

import (
	"errors"
	"slices"

	"nearlight/encoder"
	"nearlight/internal/media"
)

// codecH264In444 is how a player says, beside "h264", that it decodes High 4:4:4 Predictive, and an edge that it codes in it. For
// signaling it is one more codec that both may know.
const codecH264In444 = "h264yuv444"

var errPlayerLacks444 = errors.New("the player does not decode H.264 in 4:4:4")

// pick opens an encoder for the session: of H.264 in 4:4:4 where this edge is set to it and it can be, else the best one in 4:2:0.
func (s *session) pick(config encoder.Config) (*encoder.Choice, error) {
	ladder, timings := s.node.config.Encoders, s.node.encoderTimings()
	if s.node.config.Chroma == media.Chroma444 {
		choice, err := pickFull(ladder, timings, s.codecs, s.full, config)
		if err == nil {
			return choice, nil
		}
		s.logger.Info("pictures are coded in 4:2:0", "reason", err)
	}
	return ladder.Pick(s.codecs, timings, config)
}

// pickFull picks among the encoders of H.264 alone. Those of other codecs may take its place, in 4:2:0.
func pickFull(ladder encoder.Ladder, timings encoder.Timings, decodes []media.Codec, full bool, config encoder.Config) (*encoder.Choice, error) {
	if !full || !slices.Contains(decodes, media.H264) {
		return nil, errPlayerLacks444
	}
	config.Sampling.Chroma = media.Chroma444
	able := slices.DeleteFunc(slices.Clone(ladder), func(c encoder.Candidate) bool { return c.Codec != media.H264 })
	choice, err := able.Pick([]media.Codec{media.H264}, timings, config)
	if err != nil {
		return nil, err
	}
	for _, candidate := range ladder {
		if candidate.Codec != media.H264 && slices.Contains(decodes, candidate.Codec) {
			choice.Rest = append(choice.Rest, candidate)
		}
	}
	return choice, nil
}
