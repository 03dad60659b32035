package x11

import (
	"fmt"

	"nearlight/edge/capture"
	"nearlight/internal/media"
)

// mostCursor bounds a cursor's sides: nothing larger has ever been a pointer.
const mostCursor = 1024

// cursorShape is an XFIXES GetCursorImage reply (fixesproto section 7.2): ARGB, premultiplied.
type cursorShape struct {
	serial     uint32
	size       media.Size
	hotX, hotY int
	pixels     []uint32
}

// readCursor takes the premultiplication back, and sees that an app hides the pointer: by a cursor of one pixel, or
// by one in which nothing is to be seen.
func readCursor(shape cursorShape) (capture.Cursor, error) {
	w, h := shape.size.Width, shape.size.Height
	if w < 0 || h < 0 || w > mostCursor || h > mostCursor || len(shape.pixels) < w*h {
		return capture.Cursor{}, fmt.Errorf("cursor of %v pixels, of which %d were sent", shape.size, len(shape.pixels))
	}
	cursor := capture.Cursor{Serial: shape.serial}
	pixels := shape.pixels[:w*h]
	if w*h <= 1 || !anyVisible(pixels) {
		return cursor, nil
	}
	cursor.Size, cursor.HotX, cursor.HotY = shape.size, shape.hotX, shape.hotY
	cursor.RGBA = make([]byte, 4*len(pixels))
	for i, pixel := range pixels {
		alpha := pixel >> 24
		if alpha == 0 {
			continue
		}
		rgba := cursor.RGBA[4*i:][:4]
		rgba[0] = straight(pixel>>16&0xff, alpha)
		rgba[1] = straight(pixel>>8&0xff, alpha)
		rgba[2] = straight(pixel&0xff, alpha)
		rgba[3] = byte(alpha)
	}
	return cursor, nil
}

// straight divides a component by its alpha, rounding to the nearest.
func straight(premultiplied, alpha uint32) byte {
	return byte(min((premultiplied*255+alpha/2)/alpha, 255))
}

func anyVisible(pixels []uint32) bool {
	for _, pixel := range pixels {
		if pixel>>24 != 0 {
			return true
		}
	}
	return false
}

// offerNewest puts v into a channel of capacity one in place of what is there. It is called by one goroutine at a time.
func offerNewest[T any](to chan T, v T) {
	select {
	case <-to:
	default:
	}
	to <- v // cannot block: only this side fills the channel
}
