package scene

import "nearlight/internal/marker"

// Mark puts a marker into the top left corner, over everything.
func (p *Picture) Mark(stamp marker.Stamp) {
	p.Overlay.rect(0, 0, marker.Width, marker.Height, RGB{}.over(1))
	for row, bits := range stamp.Cells() {
		top := float64(row * marker.Cell)
		for column := 0; column < marker.Columns; {
			first := column
			for column < marker.Columns && bits<<column&0x8000 != 0 {
				column++
			}
			if column > first { // white cells side by side are one rectangle
				p.Overlay.rect(float64(first*marker.Cell), top, float64(column*marker.Cell), top+marker.Cell, white.over(1))
				continue
			}
			column++
		}
	}
}
