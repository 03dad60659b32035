package scene

import (
	"strings"
	"unicode"
)

// The font is strokes on a grid 4 wide and 6 high: each rune's polylines, points as two digits, x then y upwards.
var strokes = map[rune]string{
	'A': "0004264440 0242", 'B': "00063645443303 3342413000", 'C': "4536160501103041", 'D': "00063645413000",
	'E': "46060040 0333", 'F': "460600 0333", 'G': "45361605011030414323", 'H': "0006 4046 0343", 'I': "0006",
	'J': "4641301001", 'K': "0006 460340", 'L': "060040", 'M': "0006234640", 'N': "00064046",
	'O': "160501103041453616", 'P': "00063645443303", 'Q': "160501103041453616 2240", 'R': "00063645443303 2340",
	'S': "453616050413334241301001", 'T': "0646 2620", 'U': "060110304146", 'V': "062046", 'W': "0610243046",
	'X': "0046 0640", 'Y': "062346 2320", 'Z': "06460040",
	'0': "160501103041453616", '1': "041620", '2': "051636454402010040", '3': "0516364544334241301001 1333",
	'4': "30360242", '5': "4606033342413000", '6': "36160501103041423303", '7': "064610",
	'8': "13040516364544331302011030414233", '9': "43130405163645413010",
	'+': "2125 0343", '-': "0343", '.': "0001", ',': "0110", '!': "2623 2120", '/': "0046", ':': "0102 0405",
	'×': "0242 0145 0541", '·': "0304", '\'': "0604",
}

const (
	glyphHeight = 6.0
	glyphGap    = 2.0 // between two glyphs, in grid units
	spaceWidth  = 3.0
)

// glyph is a rune's polylines on the grid and its width.
type glyph struct {
	lines [][]point2
	width float64
}

// font holds the parsed glyphs.
type font map[rune]glyph

func newFont() font {
	f := make(font, len(strokes)+1)
	for r, text := range strokes {
		g := glyph{}
		for line := range strings.FieldsSeq(text) {
			points := make([]point2, 0, len(line)/2)
			for i := 0; i+1 < len(line); i += 2 {
				p := point2{float64(line[i] - '0'), float64(line[i+1] - '0')}
				g.width = max(g.width, p.x)
				points = append(points, p)
			}
			g.lines = append(g.lines, points)
		}
		f[r] = g
	}
	f[' '] = glyph{width: spaceWidth}
	return f
}

// width is a text's width in grid units, with extra units between its glyphs.
func (f font) width(text string, extra float64) float64 {
	total := -glyphGap - extra
	for _, r := range text {
		total += f[unicode.ToUpper(r)].width + glyphGap + extra
	}
	return total
}
