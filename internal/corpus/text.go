package corpus

import (
	"math/rand/v2"

	"nearlight/internal/media"
)

// A page is dark signs on white paper, in lines of words, with here and there a coloured one. It scrolls upwards.
type page struct {
	size  media.Size
	paper []colour // of a tall sheet, which repeats
	rows  int
}

type colour struct{ b, g, r byte }

var (
	white = colour{250, 252, 253}
	ink   = colour{40, 36, 34}
	link  = colour{190, 90, 20}
)

// A sign is a grid of strokes; cells are a little wider and higher.
const (
	signWidth, signHeight = 7, 12
	cellWidth, cellHeight = 9, 20
	scrollStep            = 3 // pixels a picture
)

func newPage(size media.Size, seed uint64) *page {
	random := rand.New(rand.NewPCG(seed, 0x7e47))
	lines := 2*size.Height/cellHeight + 1
	p := &page{size: size, rows: lines * cellHeight}
	p.paper = make([]colour, size.Width*p.rows)
	for i := range p.paper {
		p.paper[i] = white
	}
	alphabet := make([][signWidth * signHeight]bool, 40)
	for i := range alphabet {
		alphabet[i] = newSign(random)
	}
	margin := size.Width / 12
	for line := range lines {
		end := size.Width - margin
		if random.IntN(6) == 0 { // of a paragraph
			end = margin + random.IntN(max(size.Width/2, 1))
		}
		p.write(random, alphabet, line*cellHeight+(cellHeight-signHeight)/2, margin, end)
	}
	return p
}

// newSign draws a few strokes, each along a row or a column of the grid.
func newSign(random *rand.Rand) (sign [signWidth * signHeight]bool) {
	for range 3 + random.IntN(2) {
		if random.IntN(2) == 0 {
			y := random.IntN(signHeight)
			for x := range signWidth {
				sign[y*signWidth+x] = true
			}
			continue
		}
		x := random.IntN(signWidth)
		for y := range signHeight {
			sign[y*signWidth+x] = true
		}
	}
	return sign
}

// write fills a line with words of two to nine signs.
func (p *page) write(random *rand.Rand, alphabet [][signWidth * signHeight]bool, top, from, to int) {
	for x := from; x+cellWidth <= to; x += cellWidth {
		tint := ink
		if random.IntN(9) == 0 {
			tint = link
		}
		for range 2 + random.IntN(8) {
			if x+cellWidth > to {
				return
			}
			p.stamp(&alphabet[random.IntN(len(alphabet))], x, top, tint)
			x += cellWidth
		}
	}
}

func (p *page) stamp(sign *[signWidth * signHeight]bool, left, top int, tint colour) {
	for i, dark := range sign {
		if dark {
			p.paper[(top+i/signWidth)*p.size.Width+left+i%signWidth] = tint
		}
	}
}

func (p *page) draw(n int, pixels []byte) error {
	for y := range p.size.Height {
		line := p.paper[(y+n*scrollStep)%p.rows*p.size.Width:][:p.size.Width]
		for x, c := range line {
			to := pixels[4*(y*p.size.Width+x):]
			to[0], to[1], to[2], to[3] = c.b, c.g, c.r, 255
		}
	}
	return nil
}
