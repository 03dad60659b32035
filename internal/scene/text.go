package scene

import "unicode"

// align says which part of a text its position is.
type align float64

const (
	left   align = 0
	middle align = 0.5
	right  align = 1
)

// lettering is how a text looks.
type lettering struct {
	height  float64 // of a capital, in pixels
	weight  float64 // of a stroke, as a share of the height
	spacing float64 // extra, in grid units
	colour  RGB
	alpha   float64
	plate   bool // a soft dark plate behind the text instead of a shadow behind each stroke: far fewer triangles
}

// pen writes onto a canvas.
type pen struct {
	font    font
	scratch []point2
}

var inkShadow = RGB{0.10, 0.05, 0.12}

// write draws text with its baseline at y: something soft and dark first, so that it reads on a bright sky, then the strokes.
func (p *pen) write(c *Canvas, text string, x, y float64, at align, look lettering) {
	if look.alpha <= 0 {
		return
	}
	unitSize := look.height / glyphHeight
	x -= float64(at) * p.font.width(text, look.spacing) * unitSize
	width := max(look.height*look.weight, 1)
	if look.plate {
		half := p.font.width(text, look.spacing) * unitSize / 2
		c.disc(Vec3{x + half, y - look.height/2, 0}, Vec3{1.2*half + 2*look.height, 0, 0}, Vec3{0, 1.9 * look.height, 0}, 1, inkShadow.over(0.5*look.alpha), 20)
	} else {
		p.strokes(c, text, x, y+max(look.height*0.04, 1), unitSize, look.spacing, width, 2+look.height*0.09, inkShadow.over(0.42*look.alpha))
	}
	p.strokes(c, text, x, y, unitSize, look.spacing, width, 0.9, look.colour.over(look.alpha))
}

func (p *pen) strokes(c *Canvas, text string, x, y, unitSize, spacing, width, feather float64, colour [4]uint8) {
	for _, r := range text {
		g := p.font[unicode.ToUpper(r)]
		for _, line := range g.lines {
			p.scratch = p.scratch[:0]
			for _, point := range line {
				p.scratch = append(p.scratch, point2{x + point.x*unitSize, y - point.y*unitSize})
			}
			c.stroke(p.scratch, width, feather, colour)
		}
		x += (g.width + glyphGap + spacing) * unitSize
	}
}
