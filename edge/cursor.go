package edge

import (
	"bytes"
	"fmt"
	"image"
	"image/png"

	"nearlight/edge/capture"
	"nearlight/streamer/control"
)

// encodeCursor makes the message that shows a cursor. A picture larger than a browser takes hides the pointer rather than showing a
// wrong one.
func encodeCursor(c capture.Cursor) (*control.Cursor, error) {
	hidden := &control.Cursor{Serial: c.Serial}
	if len(c.RGBA) == 0 || c.Size.Width > control.MaxCursorSide || c.Size.Height > control.MaxCursorSide {
		return hidden, nil
	}
	var file bytes.Buffer
	err := png.Encode(&file, &image.NRGBA{
		Pix: c.RGBA, Stride: 4 * c.Size.Width, Rect: image.Rect(0, 0, c.Size.Width, c.Size.Height),
	})
	if err != nil {
		return nil, fmt.Errorf("encode the cursor: %w", err)
	}
	if file.Len() > control.MaxCursorPNG {
		return hidden, nil
	}
	return &control.Cursor{
		Serial: c.Serial, Width: uint16(c.Size.Width), Height: uint16(c.Size.Height),
		X: uint16(max(c.HotX, 0)), Y: uint16(max(c.HotY, 0)), PNG: file.Bytes(),
	}, nil
}
