package quality

import (
	"math"

	"nearlight/internal/media"
)

// What Detail looks at. All of it is sampled: a picture's edges are alike from line to line.
const (
	// sampledEvery is which of the lines, and which of the columns.
	sampledEvery = 8
	// strongEdge is how large a difference of two neighbours has to be for its segment to count, in luma steps, windowed: what encoders leave out
	// or add is a small part of that. Where nothing is sharp in the first place, nothing can be said.
	strongEdge = 24
	// fewestSegments is how many it takes to say anything.
	fewestSegments = 16
	// mostSegments bounds the work for each direction: pages of text have many thousand.
	mostSegments = 400
	// turns is how many times the picture is gone through, each time along other lines.
	turns = 4
)

// UpscaledBelow is the sharpness in decibels below which a picture is taken for one that was drawn smaller. The least that was measured of our scene in its own size
// is -2.6 (VP9 at 2 Mbit/s): docs/checking.md has the rates of error.
const UpscaledBelow = -3.0

// Sharpness is what a picture has of the finest detail, in decibels, in each direction: 0 is as much as of coarser detail, which is what
// an edge drawn in the picture's own size has.
//
// It is the power above the cut-off of a smaller size, over that below it, of the differences of neighbouring samples about strong edges: the
// least of those for sizes of a half, two thirds and three quarters. A picture that was drawn smaller has nothing above its cut-off but what the filter that enlarged it let
// pass, and what the encoder added.
type Sharpness struct {
	Across, Down float64
	// SegmentsAcross and SegmentsDown are how many stretches of 64 samples had an edge to look at. Below 16 the figure beside it is 0, and says nothing.
	SegmentsAcross, SegmentsDown int
}

// Known reports whether there was enough to look at in both directions.
func (s Sharpness) Known() bool { return min(s.SegmentsAcross, s.SegmentsDown) >= fewestSegments }

// Upscaled reports whether the picture was drawn smaller than it is, as far as a single one shows it: a picture of soft shapes looks the same. It is evidence for a
// checker that knows that the app draws sharply, and watches for a while. An edge can add noise to hide it; that costs PSNR where the checker knows what should be seen.
func (s Sharpness) Upscaled() bool { return min(s.Across, s.Down) < UpscaledBelow }

// cutOffs are the last bands that pictures of a half, two thirds and three quarters of the size can have anything in.
var cutOffs = [...]int{nyquist / 2, nyquist * 2 / 3, nyquist * 3 / 4}

// Detail measures Sharpness. A Detail has one user at a time.
type Detail struct {
	// LeaveOut is the top left corner that is not looked at, where the marker is: whoever draws that last draws it sharply.
	LeaveOut media.Size

	transform    *transform
	across, down spectrum
}

// NewDetail makes a Detail.
func NewDetail(leaveOut media.Size) *Detail {
	return &Detail{LeaveOut: leaveOut, transform: newTransform()}
}

// Look measures a picture's luma. It does not allocate. The error wraps media.ErrFrame.
func (d *Detail) Look(f *media.Frame) (Sharpness, error) {
	if err := f.CheckIn(f.Chroma); err != nil {
		return Sharpness{}, err
	}
	d.across, d.down = spectrum{}, spectrum{}
	size, stride := f.Visible, f.Y.Stride
	d.scan(&d.across, f.Y.Data, size.Height, size.Width, stride, 1, d.LeaveOut.Height, d.LeaveOut.Width)
	d.scan(&d.down, f.Y.Data, size.Width, size.Height, 1, stride, d.LeaveOut.Width, d.LeaveOut.Height)
	return Sharpness{
		Across: d.across.sharpness(), Down: d.down.sharpness(),
		SegmentsAcross: d.across.segments, SegmentsDown: d.down.segments,
	}, nil
}

// scan looks along lines, or columns, for segments with an edge: line l begins at sample l*between and goes on by along.
func (d *Detail) scan(s *spectrum, luma []byte, lines, length, between, along, leftOutLines, leftOutLength int) {
	for first := range turns { // all over the picture, wherever the bound ends it
		for line := sampledEvery/2 + first*sampledEvery; line < lines; line += turns * sampledEvery {
			for begin := 0; begin+segment < length && s.segments < mostSegments; begin += segment {
				if line >= leftOutLines || begin >= leftOutLength {
					d.cut(s, luma[line*between+begin*along:], along)
				}
			}
		}
	}
	s.flush(d.transform)
}

// cut adds the segment that begins with the first sample, if it has an edge.
func (d *Detail) cut(s *spectrum, luma []byte, along int) {
	var differences [segment]float64
	strong, before := false, int(luma[0])
	for i := range differences {
		value := int(luma[(i+1)*along])
		difference := float64(value - before)
		before = value
		differences[i] = difference
		strong = strong || math.Abs(difference)*d.transform.window[i] >= strongEdge
	}
	if strong {
		s.add(d.transform, &differences)
	}
}

// nothing keeps a ratio of two powers finite, whatever the picture: 1e-9 of what a band has on average.
const nothing = 1e-9

// sharpness is the least of the ratios, in decibels.
func (s *spectrum) sharpness() float64 {
	if s.segments < fewestSegments {
		return 0
	}
	least := math.Inf(1)
	for _, cutOff := range cutOffs {
		// Two bands about the cut-off are left out, which filters pass in part; the last one, which one phase of an edge has and another has not; and the
		// lowest, which slopes have most of.
		above, below := s.mean(cutOff+2, nyquist-1), s.mean(cutOff*3/8, cutOff-2)
		least = min(least, 10*math.Log10((above+nothing)/(below+nothing)))
	}
	return least
}
