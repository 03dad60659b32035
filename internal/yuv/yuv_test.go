//go:build cgo

package yuv

import (
	"errors"
	"image"
	"math/rand/v2"
	"slices"
	"testing"

	"nearlight/internal/media"
)

var chromas = []media.Chroma{media.Chroma420, media.Chroma444}

func noise(size media.Size, seed uint64) []byte {
	random := rand.New(rand.NewPCG(seed, 1))
	pixels := make([]byte, size.Width*size.Height*bytesPerPixel)
	for i := range pixels {
		pixels[i] = byte(random.Uint32())
	}
	return pixels
}

type variant struct {
	size   media.Size
	chroma media.Chroma
}

// variants are pictures with and without a margin, in each chroma.
func variants() []variant {
	var all []variant
	for _, chroma := range chromas {
		for _, size := range []media.Size{{Width: 64, Height: 48}, {Width: 67, Height: 49}} {
			all = append(all, variant{size, chroma})
		}
	}
	return all
}

func fill(size media.Size, b, g, r byte) []byte {
	pixels := make([]byte, size.Width*size.Height*bytesPerPixel)
	for i := 0; i < len(pixels); i += bytesPerPixel {
		pixels[i], pixels[i+1], pixels[i+2] = b, g, r
	}
	return pixels
}

func TestColoursAreBT601LimitedRange(t *testing.T) {
	// Rec. ITU-R BT.601-7 section 2.5.3, rounded.
	for name, c := range map[string]struct{ b, g, r, y, u, v byte }{
		"black": {0, 0, 0, 16, 128, 128},
		"white": {255, 255, 255, 235, 128, 128},
		"red":   {0, 0, 255, 81, 90, 240},
		"green": {0, 255, 0, 145, 54, 34},
		"blue":  {255, 0, 0, 41, 240, 110},
	} {
		size := media.Size{Width: 32, Height: 16}
		for _, chroma := range chromas {
			frame := media.NewFrameIn(chroma, size)
			if err := FromBGRX(frame, fill(size, c.b, c.g, c.r), size.Width*bytesPerPixel); err != nil {
				t.Fatal(err)
			}
			for plane, pair := range map[string][2]byte{
				"Y": {frame.Y.Data[0], c.y}, "U": {frame.U.Data[0], c.u}, "V": {frame.V.Data[0], c.v},
			} {
				if diff := int(pair[0]) - int(pair[1]); diff < -1 || diff > 1 {
					t.Errorf("%s in %v: %s is %d, want %d", name, chroma, plane, pair[0], pair[1])
				}
			}
		}
	}
}

func TestOddSidesRepeatTheLastRowAndColumn(t *testing.T) {
	size := media.Size{Width: 37, Height: 21}
	frame := media.NewFrameIn(media.Chroma444, size)
	if err := FromBGRX(frame, noise(size, 7), size.Width*bytesPerPixel); err != nil {
		t.Fatal(err)
	}
	for name, plane := range map[string]media.Plane{"Y": frame.Y, "U": frame.U, "V": frame.V} {
		at := func(x, y int) byte { return plane.Data[y*plane.Stride+x] }
		for y := range frame.Coded.Height {
			if at(37, y) != at(36, y) {
				t.Fatalf("%s, row %d: the padding column does not repeat the last one", name, y)
			}
		}
		for x := range frame.Coded.Width {
			if at(x, 21) != at(x, 20) {
				t.Fatalf("%s, column %d: the padding row does not repeat the last one", name, x)
			}
		}
	}
}

func TestConvertingEveryRectangleEqualsConvertingTheWhole(t *testing.T) {
	for _, c := range variants() {
		size := c.size
		before, after := noise(size, 1), noise(size, 2)
		stride := size.Width * bytesPerPixel
		whole := media.NewFrameIn(c.chroma, size)
		if err := FromBGRX(whole, after, stride); err != nil {
			t.Fatal(err)
		}
		pieces := media.NewFrameIn(c.chroma, size)
		if err := FromBGRX(pieces, before, stride); err != nil {
			t.Fatal(err)
		}
		// Odd edges on purpose: neighbours overlap after widening, and must not disturb each other.
		xs, ys := []int{0, 13, 30, 51, size.Width}, []int{0, 7, 22, size.Height}
		for i := range xs[1:] {
			for j := range ys[1:] {
				if err := RectFromBGRX(pieces, after, stride, image.Rect(xs[i], ys[j], xs[i+1], ys[j+1])); err != nil {
					t.Fatal(err)
				}
			}
		}
		for name, pair := range map[string][2][]byte{
			"Y": {whole.Y.Data, pieces.Y.Data}, "U": {whole.U.Data, pieces.U.Data}, "V": {whole.V.Data, pieces.V.Data},
		} {
			if string(pair[0]) != string(pair[1]) {
				t.Errorf("%v: plane %s differs", c, name)
			}
		}
	}
}

func TestPixelsSurviveTheWayThereAndBack(t *testing.T) {
	for _, chroma := range chromas {
		thereAndBack(t, chroma)
	}
}

func thereAndBack(t *testing.T, chroma media.Chroma) {
	size := media.Size{Width: 64, Height: 32}
	frame := media.NewFrameIn(chroma, size)
	if err := FromBGRX(frame, fill(size, 40, 120, 200), size.Width*bytesPerPixel); err != nil {
		t.Fatal(err)
	}
	picture := image.NewRGBA(image.Rect(0, 0, size.Width, size.Height))
	if err := ToRGBA(picture, frame); err != nil {
		t.Fatal(err)
	}
	got := picture.RGBAAt(10, 10)
	for _, pair := range [][2]uint8{{got.R, 200}, {got.G, 120}, {got.B, 40}, {got.A, 255}} {
		if diff := int(pair[0]) - int(pair[1]); diff < -3 || diff > 3 {
			t.Fatalf("%v: got %v, want 200,120,40,255", chroma, got)
		}
	}
}

func TestEachPixelHasAColourOfItsOwnIn444(t *testing.T) {
	size := media.Size{Width: 64, Height: 32}
	pixels := noise(size, 11)
	want := image.NewRGBA(image.Rect(0, 0, size.Width, size.Height))
	for y := range size.Height {
		for x := range size.Width { // columns of pure red and pure blue
			at := (y*size.Width + x) * bytesPerPixel
			red := byte(255 * (x % 2))
			copy(pixels[at:], []byte{255 - red, 0, red, 0})
			copy(want.Pix[at:], []byte{red, 0, 255 - red, 255})
		}
	}
	frame := media.NewFrameIn(media.Chroma444, size)
	if err := FromBGRX(frame, pixels, size.Width*bytesPerPixel); err != nil {
		t.Fatal(err)
	}
	got := image.NewRGBA(want.Rect)
	if err := ToRGBA(got, frame); err != nil {
		t.Fatal(err)
	}
	for i := range want.Pix {
		if diff := int(got.Pix[i]) - int(want.Pix[i]); diff < -4 || diff > 4 {
			t.Fatalf("byte %d is %d, want %d", i, got.Pix[i], want.Pix[i])
		}
	}
}

func TestScalingKeepsAFlatPictureFlat(t *testing.T) {
	for _, chroma := range chromas {
		scaleFlat(t, chroma)
	}
}

func scaleFlat(t *testing.T, chroma media.Chroma) {
	from, to := media.Size{Width: 1280, Height: 720}, media.Size{Width: 853, Height: 481}
	source, scaled := media.NewFrameIn(chroma, from), media.NewFrameIn(chroma, to)
	if err := FromBGRX(source, fill(from, 0, 0, 255), from.Width*bytesPerPixel); err != nil {
		t.Fatal(err)
	}
	if err := Scale(scaled, source); err != nil {
		t.Fatal(err)
	}
	for y := range scaled.Coded.Height {
		for x := range scaled.Coded.Width {
			if got := scaled.Y.Data[y*scaled.Y.Stride+x]; got != source.Y.Data[0] {
				t.Fatalf("(%d,%d) is %d, want %d", x, y, got, source.Y.Data[0])
			}
		}
	}
	colour := chroma.Of(scaled.Coded)
	for y := range colour.Height {
		for x := range colour.Width {
			if got := scaled.V.Data[y*scaled.V.Stride+x]; got != source.V.Data[0] {
				t.Fatalf("%v: the colour at (%d,%d) is %d, want %d", chroma, x, y, got, source.V.Data[0])
			}
		}
	}
}

func TestSubsamplingIsTheMeanOfFourPixels(t *testing.T) {
	for _, size := range []media.Size{{Width: 64, Height: 48}, {Width: 67, Height: 49}} {
		fine, coarse := media.NewFrameIn(media.Chroma444, size), media.NewFrame(size)
		if err := FromBGRX(fine, noise(size, 13), size.Width*bytesPerPixel); err != nil {
			t.Fatal(err)
		}
		if err := Subsample(coarse, fine); err != nil {
			t.Fatal(err)
		}
		for y := range coarse.Coded.Height {
			if !slices.Equal(coarse.Y.Data[y*coarse.Y.Stride:][:coarse.Coded.Width], fine.Y.Data[y*fine.Y.Stride:][:coarse.Coded.Width]) {
				t.Fatalf("luma of row %d differs", y)
			}
		}
		for _, planes := range [][2]media.Plane{{coarse.U, fine.U}, {coarse.V, fine.V}} {
			for y := range coarse.Coded.Height / 2 {
				for x := range coarse.Coded.Width / 2 {
					sum := 0
					for i := range 4 {
						sum += int(planes[1].Data[(2*y+i/2)*planes[1].Stride+2*x+i%2])
					}
					if diff := int(planes[0].Data[y*planes[0].Stride+x]) - sum/4; diff < -1 || diff > 1 {
						t.Fatalf("%v: the colour at (%d,%d) is off by %d", size, x, y, diff)
					}
				}
			}
		}
	}
}

func TestWhatDoesNotFitIsRefused(t *testing.T) {
	size := media.Size{Width: 32, Height: 32}
	stride := size.Width * bytesPerPixel
	pixels := noise(size, 3)
	short := media.NewFrame(size)
	short.V.Data = short.V.Data[:10]
	for name, c := range map[string]struct {
		err  error
		want error
	}{
		"short source":      {FromBGRX(media.NewFrame(size), pixels[:len(pixels)-1], stride), ErrBounds},
		"narrow stride":     {FromBGRX(media.NewFrame(size), pixels, stride-1), ErrBounds},
		"rectangle outside": {RectFromBGRX(media.NewFrame(size), pixels, stride, image.Rect(0, 0, 33, 1)), ErrBounds},
		"negative corner":   {RectFromBGRX(media.NewFrame(size), pixels, stride, image.Rect(-1, 0, 3, 1)), ErrBounds},
		"short plane":       {FromBGRX(short, pixels, stride), media.ErrFrame},
		"wrong RGBA size":   {ToRGBA(image.NewRGBA(image.Rect(0, 0, 31, 32)), media.NewFrame(size)), ErrBounds},
		"zero frame":        {Scale(&media.Frame{}, media.NewFrame(size)), media.ErrFrame},
		"subsampling 4:2:0": {Subsample(media.NewFrame(size), media.NewFrame(size)), media.ErrFrame},
		"another size":      {Subsample(media.NewFrame(media.Size{Width: 16, Height: 16}), media.NewFrameIn(media.Chroma444, size)), ErrBounds},
		"two chromas":       {Scale(media.NewFrame(size), media.NewFrameIn(media.Chroma444, size)), media.ErrFrame},
	} {
		if !errors.Is(c.err, c.want) {
			t.Errorf("%s: got %v, want %v", name, c.err, c.want)
		}
	}
	if err := RectFromBGRX(media.NewFrame(size), pixels, stride, image.Rectangle{}); err != nil {
		t.Errorf("an empty rectangle: %v", err)
	}
}

func BenchmarkFromBGRX(b *testing.B) {
	for _, size := range []media.Size{{Width: 1280, Height: 720}, {Width: 1920, Height: 1080}} {
		b.Run(size.String(), func(b *testing.B) {
			frame, pixels := media.NewFrame(size), noise(size, 1)
			b.ReportAllocs()
			for b.Loop() {
				if err := FromBGRX(frame, pixels, size.Width*bytesPerPixel); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRectFromBGRX(b *testing.B) {
	size := media.Size{Width: 1280, Height: 720}
	frame, pixels := media.NewFrame(size), noise(size, 1)
	b.ReportAllocs()
	for b.Loop() {
		if err := RectFromBGRX(frame, pixels, size.Width*bytesPerPixel, image.Rect(301, 201, 521, 399)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkScale1080pTo720p(b *testing.B) {
	source := media.NewFrame(media.Size{Width: 1920, Height: 1080})
	scaled := media.NewFrame(media.Size{Width: 1280, Height: 720})
	b.ReportAllocs()
	for b.Loop() {
		if err := Scale(scaled, source); err != nil {
			b.Fatal(err)
		}
	}
}

func TestPixelsInAnotherOrderMakeTheSamePicture(t *testing.T) {
	for _, c := range variants() {
		size := c.size
		bgrx := noise(size, 5)
		stride := size.Width * bytesPerPixel
		want := media.NewFrameIn(c.chroma, size)
		if err := FromBGRX(want, bgrx, stride); err != nil {
			t.Fatal(err)
		}
		for name, order := range map[string]struct{ redFirst, bottomUp bool }{
			"red first": {redFirst: true}, "bottom up": {bottomUp: true}, "both": {true, true},
		} {
			src := Pixels{Data: make([]byte, len(bgrx)), Stride: stride, RedFirst: order.redFirst, BottomUp: order.bottomUp}
			for y := range size.Height {
				to := y
				if order.bottomUp {
					to = size.Height - 1 - y
				}
				for x := range size.Width {
					from, into := bgrx[y*stride+x*bytesPerPixel:], src.Data[to*stride+x*bytesPerPixel:]
					copy(into[:bytesPerPixel], from)
					if order.redFirst {
						into[0], into[2] = from[2], from[0]
					}
				}
			}
			got := media.NewFrameIn(c.chroma, size)
			for _, rows := range [][2]int{{0, 12}, {12, 30}, {30, size.Height}} {
				if err := FromPixels(got, src, image.Rect(0, rows[0], size.Width, rows[1])); err != nil {
					t.Fatal(err)
				}
			}
			if !slices.Equal(got.Y.Data, want.Y.Data) || !slices.Equal(got.U.Data, want.U.Data) || !slices.Equal(got.V.Data, want.V.Data) {
				t.Errorf("%v, %s: another picture", c, name)
			}
		}
	}
}
