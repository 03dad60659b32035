package scene

import "nearlight/internal/marker"

// Mark puts a marker into the top left corner, over everything.
func (p *Picture) Mark(stamp marker.Stamp) { p.markAt(0, stamp) }

// MarkBeside puts a second block of the marker's form to the right of the marker.
func (p *Picture) MarkBeside(stamp marker.Stamp) { p.markAt(marker.Width, stamp) }

func (p *Picture) markAt(left float64, stamp marker.Stamp) {
	p.Overlay.rect(left, 0, left+marker.Width, marker.Height, RGB{}.over(1))
	for row, bits := range stamp.Cells() {
		top := float64(row * marker.Cell)
		for column := 0; column < marker.Columns; {
			first := column
			for column < marker.Columns && bits<<column&0x8000 != 0 {
				column++
			}
			if column > first { // white cells side by side are one rectangle
				p.Overlay.rect(left+float64(first*marker.Cell), top, left+float64(column*marker.Cell), top+marker.Cell, white.over(1))
				continue
			}
			column++
		}
	}
}
