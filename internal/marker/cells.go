package marker

// Cells are the block's rows from the top, the leftmost column most significant: what to draw where the pixels are not
// in reach, as on a GPU.
func (s Stamp) Cells() (rows [Rows]uint16) {
	octets := octetsOf(s)
	for r := range rows {
		rows[r] = rowBits(&octets, r)
	}
	return rows
}
