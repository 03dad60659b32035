package challenge

import (
	"math"
	"slices"

	"nearlight/internal/media"
	"nearlight/internal/scene/arena"
)

// tile is the side of the squares that pictures are compared in.
const tile = 32

// perfect is the PSNR of equal pictures.
const perfect = 100.0

// picture is a picture's luma without gaps between its rows.
type picture struct {
	size media.Size
	luma []byte
}

// keep copies a frame's luma into a picture.
func keep(f *media.Frame) picture {
	p := picture{f.Visible, make([]byte, f.Visible.Width*f.Visible.Height)}
	for y := range p.size.Height {
		copy(p.row(y), f.Y.Data[y*f.Y.Stride:])
	}
	return p
}

func (p picture) row(y int) []byte { return p.luma[y*p.size.Width:][:p.size.Width] }

// likeness is how alike two pictures are, outside the corner with the blocks.
type likeness struct {
	psnr   float64 // of all tiles
	tiles  float64 // what nineteen of twenty tiles reach
	detail float64 // see detailOf
}

func compare(want, got picture) likeness {
	psnr, tiles := tilesOf(want, got)
	slices.Sort(tiles)
	return likeness{psnr: psnr, tiles: tiles[len(tiles)/20], detail: detailOf(want, got)}
}

// tilesOf is the PSNR of all whole tiles outside the blocks, and of each.
func tilesOf(want, got picture) (all float64, each []float64) {
	var sum, count uint64
	eachTile(want.size, func(left, top int) {
		var squares uint64
		for y := top; y < top+tile; y++ {
			a, b := want.row(y)[left:][:tile], got.row(y)[left:][:tile]
			for x := range a {
				d := int(a[x]) - int(b[x])
				squares += uint64(d * d)
			}
		}
		sum += squares
		count += tile * tile
		each = append(each, decibels(squares, tile*tile))
	})
	return decibels(sum, count), each
}

// eachTile visits the whole tiles outside the blocks.
func eachTile(size media.Size, visit func(left, top int)) {
	for top := 0; top+tile <= size.Height; top += tile {
		for left := 0; left+tile <= size.Width; left += tile {
			if top >= arena.Blocks.Height || left >= arena.Blocks.Width {
				visit(left, top)
			}
		}
	}
}

func decibels(squares, count uint64) float64 {
	if squares == 0 {
		return perfect
	}
	return min(10*math.Log10(255*255*float64(count)/float64(squares)), perfect)
}

// detailOf is how much of the finest detail of want is in got: the share of what want's samples differ by from the mean of their
// two by two that got's do as well, by least squares. A picture drawn at half the size and scaled up has nearly none; blur and coarse coding
// lessen it; sharpening adds what is not there, and is of no use, because it does not go along with want.
func detailOf(want, got picture) float64 {
	var product, own, other float64
	eachTile(want.size, func(left, top int) {
		var p, a2, b2 int
		for y := top; y < top+tile; y += 2 {
			a0, a1, b0, b1 := want.row(y), want.row(y+1), got.row(y), got.row(y+1)
			for x := left; x < left+tile; x += 2 {
				a := [4]int{int(a0[x]), int(a0[x+1]), int(a1[x]), int(a1[x+1])}
				b := [4]int{int(b0[x]), int(b0[x+1]), int(b1[x]), int(b1[x+1])}
				sumA, sumB := a[0]+a[1]+a[2]+a[3], b[0]+b[1]+b[2]+b[3]
				for i := range a {
					u, v := 4*a[i]-sumA, 4*b[i]-sumB
					p, a2, b2 = p+u*v, a2+u*u, b2+v*v
				}
			}
		}
		product, own, other = product+float64(p), own+float64(a2), other+float64(b2)
	})
	if own == 0 || other == 0 {
		return 0
	}
	return product / max(own, math.Sqrt(own*other))
}
