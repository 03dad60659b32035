package quality

import "nearlight/internal/media"

// codingBlock is the side of the blocks that codecs transform, or a multiple or a half of it.
const codingBlock = 8

// Blockiness is how much the edges of coding blocks stand out, in luma steps: by how much more the picture jumps across every eighth line and column than
// both sides of it lead one to expect, over the same half a block further on. 0 is none, or as much anywhere else; 1 is plain to see in soft areas. It looks at every
// eighth line, and at all of the columns' edges on them, but not into the top left corner leaveOut, where a marker's cells look like blocks. The error wraps media.ErrFrame.
func Blockiness(f *media.Frame, leaveOut media.Size) (float64, error) {
	if err := f.CheckIn(f.Chroma); err != nil {
		return 0, err
	}
	size := f.Visible
	at, between, edges := 0, 0, 0
	for y := sampledEvery / 2; y < size.Height; y += sampledEvery {
		line := row(&f.Y, y, size.Width)
		from := 0
		if y < leaveOut.Height {
			from = leaveOut.Width
		}
		for x := from/codingBlock*codingBlock + codingBlock; x+codingBlock/2+1 < size.Width; x += codingBlock {
			at += jump(line[x-2], line[x-1], line[x], line[x+1])
			inside := x + codingBlock/2
			between += jump(line[inside-2], line[inside-1], line[inside], line[inside+1])
			edges++
		}
	}
	for y := codingBlock; y+codingBlock/2+1 < size.Height; y += codingBlock {
		a, b, c, d := row(&f.Y, y-2, size.Width), row(&f.Y, y-1, size.Width), row(&f.Y, y, size.Width), row(&f.Y, y+1, size.Width)
		inside := y + codingBlock/2
		e, g, h, i := row(&f.Y, inside-2, size.Width), row(&f.Y, inside-1, size.Width), row(&f.Y, inside, size.Width), row(&f.Y, inside+1, size.Width)
		from := 0
		if y <= leaveOut.Height {
			from = leaveOut.Width
		}
		for x := from + sampledEvery/2; x < size.Width; x += sampledEvery {
			at += jump(a[x], b[x], c[x], d[x])
			between += jump(e[x], g[x], h[x], i[x])
			edges++
		}
	}
	return float64(at-between) / float64(2*max(edges, 1)), nil
}

// jump is twice the step between the middle two of four neighbours, less what those beside them go on by.
func jump(a, b, c, d byte) int {
	return max(2*distance(b, c)-distance(a, b)-distance(c, d), 0)
}

func distance(a, b byte) int {
	if a > b {
		return int(a - b)
	}
	return int(b - a)
}
