package edge

import (
	"slices"

	"nearlight/encoder"
	"nearlight/signaling"
)

// pictures are what this edge was quick enough for when it timed its encoders: the usual size and rate, in each codec that one of them keeps up
// in. nil before it has.
func (n *Node) pictures() []signaling.Picture {
	timings := n.encoderTimings()
	var pictures []signaling.Picture
	for _, codec := range n.config.Encoders.Codecs() {
		if slices.ContainsFunc(n.config.Encoders, func(c encoder.Candidate) bool {
			speeds := timings[c.Name]
			return c.Codec == codec && len(speeds) > 0 && encoder.FastEnough(speeds[0], n.config.FrameRate)
		}) {
			size := signaling.Size{Width: n.config.Size.Width, Height: n.config.Size.Height}
			pictures = append(pictures, signaling.Picture{Codec: string(codec), Size: size, FrameRate: n.config.FrameRate})
		}
	}
	return pictures
}
