package marker_test

import (
	"bytes"
	"compress/zlib"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"nearlight/internal/marker"
	"nearlight/internal/media"
)

var update = flag.Bool("update", false, "rewrite the golden vectors from this implementation")

var goldenPath = filepath.Join("testdata", "vectors.json")

// golden is the file that this package and web/player both read. See its about field.
type golden struct {
	About   string   `json:"about"`
	Vectors []vector `json:"vectors"`
}

type vector struct {
	Name   string       `json:"name"`
	Width  int          `json:"width"`
	Height int          `json:"height"`
	Stride int          `json:"stride"`
	Luma   []byte       `json:"luma"` // base64 of the plane in zlib form (RFC 1950)
	Stamp  *goldenStamp `json:"stamp"`
	Error  string       `json:"error"`
}

type goldenStamp struct {
	Micros  uint64 `json:"micros"`
	Input   uint32 `json:"input"`
	Counter uint16 `json:"counter"`
}

const about = "Each vector is a luma plane: luma is base64 of stride*height octets compressed as zlib (RFC 1950; DecompressionStream('deflate'), " +
	"zlib.inflateSync). A decoder returns the stamp where error is empty, else fails with it: 'absent' or 'checksum'."

func TestGoldenVectorsAreReadAsTheySay(t *testing.T) {
	if *update {
		writeGolden(t)
	}
	text, err := os.ReadFile(goldenPath)
	if err != nil {
		t.Fatal(err)
	}
	var file golden
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) == 0 {
		t.Fatal("no vectors")
	}
	names := map[string]error{"": nil, "absent": marker.ErrAbsent, "checksum": marker.ErrChecksum}
	for _, v := range file.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			inflated, err := zlib.NewReader(bytes.NewReader(v.Luma))
			if err != nil {
				t.Fatal(err)
			}
			data, err := io.ReadAll(inflated)
			if err != nil {
				t.Fatal(err)
			}
			if len(data) != v.Stride*v.Height {
				t.Fatalf("%d octets for %dx%d", len(data), v.Stride, v.Height)
			}
			want, known := names[v.Error]
			if !known || (v.Stamp != nil) != (want == nil) {
				t.Fatalf("vector says stamp %v, error %q", v.Stamp, v.Error)
			}
			got, err := marker.Decode(media.Plane{Data: data, Stride: v.Stride}, media.Size{Width: v.Width, Height: v.Height})
			if !errors.Is(err, want) {
				t.Fatalf("error %v, want %v", err, want)
			}
			if v.Stamp != nil && got != marker.Stamp(*v.Stamp) {
				t.Fatalf("read %+v, want %+v", got, *v.Stamp)
			}
		})
	}
}

func writeGolden(t *testing.T) {
	file := golden{About: about}
	add := func(name string, p media.Plane, size media.Size, stamp marker.Stamp, failure string) {
		var deflated bytes.Buffer
		w, err := zlib.NewWriterLevel(&deflated, zlib.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(p.Data[:p.Stride*size.Height]); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		v := vector{Name: name, Width: size.Width, Height: size.Height, Stride: p.Stride, Luma: deflated.Bytes(), Error: failure}
		if failure == "" {
			s := goldenStamp(stamp)
			v.Stamp = &s
		}
		file.Vectors = append(file.Vectors, v)
	}
	random := rand.New(rand.NewPCG(20, 26))
	mid := marker.Stamp{Micros: 81_234_567_890, Input: 17, Counter: 400}
	drawn := func(s marker.Stamp, change func(int, byte) byte) media.Plane {
		f := media.NewFrame(marker.Size)
		marker.DrawI420(f, s)
		for i := range f.Y.Data {
			f.Y.Data[i] = change(i, f.Y.Data[i])
		}
		return f.Y
	}
	same := func(_ int, v byte) byte { return v }
	zero, most := marker.Stamp{}, marker.Stamp{Micros: 1<<48 - 1, Input: 1<<32 - 1, Counter: 1<<16 - 1}
	add("all zero", drawn(zero, same), marker.Size, zero, "")
	add("all ones", drawn(most, same), marker.Size, most, "")
	distinct := marker.Stamp{Micros: 0x0123456789ab, Input: 0xcdef0246, Counter: 0x8ace}
	add("every field distinct", drawn(distinct, same), marker.Size, distinct, "")
	add("full range black and white", drawn(mid, func(_ int, v byte) byte {
		if v < 128 {
			return 0
		}
		return 255
	}), marker.Size, mid, "")
	add("contrast of 70 in bright light", drawn(mid, func(_ int, v byte) byte { return byte(160 + int(v-16)*70/219) }), marker.Size, mid, "")
	add("noise of 40 either way", drawn(mid, func(_ int, v byte) byte {
		return byte(min(255, max(0, int(v)+random.IntN(81)-40)))
	}), marker.Size, mid, "")
	if ffmpeg, err := exec.LookPath("ffmpeg"); err != nil {
		t.Fatal("ffmpeg is needed to write the coded vectors: ", err)
	} else {
		coded := codeLuma(t, ffmpeg, 48, codedStamps)
		last := len(coded) - 1
		add("coded by H.264 at quantiser 48, inside a larger picture", coded[last], media.Size{Width: codedSize.Width, Height: marker.Height}, codedStamps[last], "")
	}
	padded := media.NewFrame(media.Size{Width: 150, Height: 75})
	marker.DrawI420(padded, mid)
	add("stride larger than width, odd height", padded.Y, padded.Visible, mid, "")
	flipped := func(at ...int) media.Plane {
		return drawn(mid, func(i int, v byte) byte {
			if slices.Contains(at, i/marker.Width/marker.Cell*marker.Columns+i%marker.Width/marker.Cell) {
				return 251 - v
			}
			return v
		})
	}
	add("one cell of the time flipped", flipped(40), marker.Size, mid, "")
	add("one cell of the checksum flipped", flipped(143), marker.Size, mid, "")
	add("two cells flipped", flipped(17, 130), marker.Size, mid, "")
	add("two cells of the first row and two others flipped", flipped(0, 15, 16, 17), marker.Size, mid, "")
	add("three cells flipped", flipped(16, 77, 143), marker.Size, mid, "checksum")
	torn := drawn(mid, same)
	copy(torn.Data[5*marker.Cell*torn.Stride:], drawn(marker.Stamp{Micros: 81_234_584_640, Input: 18, Counter: 401}, same).Data[5*marker.Cell*torn.Stride:])
	add("torn between two pictures", torn, marker.Size, mid, "checksum")
	add("three cells of the first row flipped", flipped(3, 4, 9), marker.Size, mid, "absent")
	add("inverted", drawn(mid, func(_ int, v byte) byte { return 251 - v }), marker.Size, mid, "absent")
	add("contrast of 60", drawn(mid, func(_ int, v byte) byte { return byte(60 + int(v-16)*60/219) }), marker.Size, mid, "absent")
	add("black", drawn(mid, func(int, byte) byte { return 16 }), marker.Size, mid, "absent")
	short := drawn(mid, same)
	add("picture a row too low", short, media.Size{Width: marker.Width, Height: marker.Height - 1}, mid, "absent")
	text, err := json.MarshalIndent(file, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(goldenPath, append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

var (
	codedSize   = media.Size{Width: 160, Height: 96}
	codedStamps = []marker.Stamp{
		{Micros: 81_234_567_890, Input: 17, Counter: 400},
		{Micros: 81_234_584_640, Input: 17, Counter: 401},
		{Micros: 81_234_601_390, Input: 18, Counter: 402},
		{Micros: 81_234_618_140, Input: 19, Counter: 403},
	}
)

// codeLuma codes one noisy, moving picture a stamp by x264 at a constant quantiser and returns the decoded luma planes.
func codeLuma(t *testing.T, ffmpeg string, qp int, stamps []marker.Stamp) []media.Plane {
	t.Helper()
	random := rand.New(rand.NewPCG(7, 7))
	frameBytes := codedSize.Width * codedSize.Height * 3 / 2
	raw := make([]byte, 0, frameBytes*len(stamps))
	for range stamps {
		raw = append(raw, make([]byte, frameBytes)...)
	}
	for i, stamp := range stamps {
		picture := raw[i*frameBytes:][:frameBytes]
		luma, chroma := codedSize.Width*codedSize.Height, codedSize.Width/2*codedSize.Height/2
		for j := range picture {
			picture[j] = byte(64 + random.IntN(128))
		}
		marker.DrawI420(&media.Frame{
			Visible: codedSize, Coded: codedSize,
			Y: media.Plane{Data: picture[:luma], Stride: codedSize.Width},
			U: media.Plane{Data: picture[luma:][:chroma], Stride: codedSize.Width / 2},
			V: media.Plane{Data: picture[luma+chroma:], Stride: codedSize.Width / 2},
		}, stamp)
	}
	video := []string{"-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", codedSize.String()}
	coded := pipe(t, raw, ffmpeg, append(video, "-i", "-", "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-qp", strconv.Itoa(qp), "-f", "h264", "-")...)
	plain := pipe(t, coded, ffmpeg, "-f", "h264", "-i", "-", "-f", "rawvideo", "-pix_fmt", "yuv420p", "-fps_mode", "passthrough", "-")
	if len(plain) != len(raw) {
		t.Fatalf("ffmpeg gave %d octets for %d", len(plain), len(raw))
	}
	planes := make([]media.Plane, len(stamps))
	for i := range planes {
		planes[i] = media.Plane{Data: plain[i*frameBytes:][:codedSize.Width*codedSize.Height], Stride: codedSize.Width}
	}
	return planes
}

func pipe(t *testing.T, input []byte, program string, arguments ...string) []byte {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, append([]string{"-nostdin", "-loglevel", "error", "-threads", "1"}, arguments...)...)
	command.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", command, err, stderr.Bytes())
	}
	return output
}
