//go:build !cgo

package yuv

import (
	"image"

	"nearlight/internal/media"
)

// License is the SPDX identifier of what this package links: nothing.
const License = ""

func convertRect(*media.Frame, Pixels, image.Rectangle) error { return ErrUnavailable }

func toRGBA(*image.RGBA, *media.Frame) error { return ErrUnavailable }

func subsample(_, _ *media.Frame) error { return ErrUnavailable }

func scale(_, _ *media.Frame) error { return ErrUnavailable }
