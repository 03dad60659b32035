package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nearlight/checker/quality"
	"nearlight/encoder"
	"nearlight/encoder/x264"
	"nearlight/internal/bench"
	"nearlight/internal/corpus"
	"nearlight/internal/decode"
	"nearlight/internal/media"
	"nearlight/internal/yuv"
)

const (
	// corpusLength is how many pictures of a content are rendered; they are shown forwards and backwards, so that the
	// motion never breaks.
	corpusLength = 40
	// encoderSettle is how many pictures are left out of the figures, until quality and caches are as they will be.
	encoderSettle = 20
	// comparedEvery is which of the pictures are compared with what was decoded of them.
	comparedEvery = 6
	// overheadBitrate lets x264 aim at its quality alone, so that both ways code the same bits.
	overheadBitrate = 100 * media.Mbps
	// overheadTurn is how many pictures one way codes before it is the other one's turn.
	overheadTurn = 10
)

// encoderBench is `bench encoder`.
type encoderBench struct {
	json    bool
	seconds int
	seed    uint64
	name    string
	nvidia  string
	bitrate bitrateValue
	sizes   []string

	log    io.Writer
	report *bench.Report
}

func newEncoderBench() *cobra.Command {
	b := encoderBench{bitrate: bitrateValue(encoder.DefaultBitrate)}
	c := &cobra.Command{
		Use: "encoder [FLAG...]", Short: "Measure every encoder's presets: time, bits and quality of fixed pictures",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := settle(c); err != nil {
				return err
			}
			b.log = c.ErrOrStderr()
			if err := b.run(c.Context()); err != nil {
				return err
			}
			return b.report.Write(c.OutOrStdout(), b.json)
		},
	}
	c.Flags().BoolVar(&b.json, "json", false, "print one JSON object, and nothing else on standard output")
	c.Flags().IntVar(&b.seconds, "seconds", 2, "how much of each content every preset codes, at 60 pictures a second")
	c.Flags().Uint64Var(&b.seed, "seed", 1, "repeats the pictures")
	c.Flags().StringVar(&b.name, "encoder", encoder.Auto, "measure only these: "+strings.Join(ladder("").Names(), ", "))
	registerNVIDIA(c.Flags(), &b.nvidia)
	c.Flags().Var(&b.bitrate, "bitrate", "upper bound, in bits per second")
	c.Flags().StringSliceVar(&b.sizes, "sizes", []string{"1280x720", "1920x1080"}, "sizes to measure")
	return c
}

func (b *encoderBench) run(ctx context.Context) error {
	if b.seconds < 1 || b.seconds > 600 {
		return usage("--seconds %d: want 1 to 600", b.seconds)
	}
	candidates, err := ladder(b.nvidia).Only(b.name)
	if err != nil {
		return usage("--encoder: %w", err)
	}
	var sizes []media.Size
	for _, text := range b.sizes {
		size, err := media.ParseSize(text)
		if err != nil {
			return usage("--sizes: %w", err)
		}
		sizes = append(sizes, size)
	}
	b.report = &bench.Report{Bench: "encoder", Machine: bench.ThisMachine(), Params: map[string]any{
		"seconds": b.seconds, "seed": b.seed, "bitrate": b.bitrate.String(), "encoder": b.name, "version": version,
	}}
	for _, size := range sizes {
		if err := b.convert(size); err != nil {
			return err
		}
		for _, content := range corpus.Contents() {
			fmt.Fprintf(b.log, "drawing %s at %v\n", content, size)
			pictures, err := corpus.Render(content, size, corpusLength, b.seed)
			if err != nil {
				return lacks(err)
			}
			for _, candidate := range candidates {
				if err := b.presets(ctx, candidate, content, pictures); err != nil {
					return err
				}
			}
			if content == corpus.Scene && slices.ContainsFunc(candidates, func(c encoder.Candidate) bool { return c.Name == x264.Name }) {
				if err := b.overhead(ctx, pictures); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// shownAt is the picture to show at time n: the corpus forwards, then backwards.
func shownAt(pictures []*media.Frame, n int) *media.Frame {
	turn := 2 * (len(pictures) - 1)
	if n %= turn; n >= len(pictures) {
		n = turn - n
	}
	return pictures[n]
}

// presets measures each preset of one encoder.
func (b *encoderBench) presets(ctx context.Context, candidate encoder.Candidate, content corpus.Content, pictures []*media.Frame) error {
	config := encoder.Config{Size: pictures[0].Visible, Bitrate: media.Bitrate(b.bitrate)}
	for speeds := 1; config.Speed < speeds; config.Speed++ {
		opened, err := candidate.Open(config)
		if errors.Is(err, encoder.ErrUnavailable) {
			fmt.Fprintf(b.log, "SKIPPED %s: %v\n", candidate.Name, err)
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", candidate.Name, err)
		}
		speeds = opened.Capabilities().Speeds
		labels := bench.Labels{
			"encoder": candidate.Name, "size": config.Size.String(), "preset": strconv.Itoa(config.Speed), "content": string(content),
		}
		fmt.Fprintf(b.log, "%s, preset %d of %d\n", candidate.Name, config.Speed, speeds)
		if err := errors.Join(b.measure(ctx, opened, pictures, labels), opened.Close()); err != nil {
			return fmt.Errorf("%s, preset %d: %w", candidate.Name, config.Speed, err)
		}
	}
	return nil
}

// stream is what an encoder made, kept to be decoded once the clock has stopped.
type stream struct {
	data []byte
	ends []int // of the access units in data
}

func (s *stream) add(slice media.Slice) error {
	s.data = append(s.data, slice.Data...)
	if slice.Last {
		s.ends = append(s.ends, len(s.data))
	}
	return nil
}

// unit is access unit n.
func (s *stream) unit(n int) []byte {
	begin := 0
	if n > 0 {
		begin = s.ends[n-1]
	}
	return s.data[begin:s.ends[n]]
}

func (b *encoderBench) measure(ctx context.Context, e encoder.Encoder, pictures []*media.Frame, labels bench.Labels) error {
	count := encoder.DefaultFrameRate * b.seconds
	total := encoderSettle + count
	// Room for twice the rate, so that what is measured does not wait for memory.
	coded := stream{data: make([]byte, 0, 1<<20+int(b.bitrate)/8*(b.seconds+1)*2), ends: make([]int, 0, total)}
	times := make([]float64, 0, count)
	emit := coded.add
	encode := func(n int) (time.Duration, error) {
		began := time.Now()
		_, err := e.Encode(shownAt(pictures, n), encoder.Request{}, emit)
		return time.Since(began), err
	}
	for n := range encoderSettle {
		if _, err := encode(n); err != nil {
			return err
		}
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for n := encoderSettle; n < total; n++ {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		took, err := encode(n)
		if err != nil {
			return err
		}
		times = append(times, milliseconds(took))
	}
	runtime.ReadMemStats(&after)
	bits := 8 * (coded.ends[total-1] - coded.ends[encoderSettle-1])
	b.report.Distribution("encode", "ms", times, labels)
	b.report.Value("bits_per_second", "bit/s", float64(bits)/float64(b.seconds), labels)
	b.report.Value("allocs_per_frame", "1", float64(after.Mallocs-before.Mallocs)/float64(count), labels)
	return b.compare(e.Capabilities().Codec, &coded, pictures, labels)
}

// compare decodes the stream and reports how well it shows the pictures.
func (b *encoderBench) compare(codec media.Codec, coded *stream, pictures []*media.Frame, labels bench.Labels) error {
	decoder, err := decode.Open(codec)
	if errors.Is(err, decode.ErrUnavailable) {
		fmt.Fprintf(b.log, "SKIPPED quality: %v\n", err)
		return nil
	}
	if err != nil {
		return err
	}
	defer decoder.Close()
	psnr, ssim, n := 0.0, 0.0, 0
	for i := range coded.ends {
		decoded, err := decoder.Decode(coded.unit(i))
		if err != nil {
			return err
		}
		if decoded == nil {
			return fmt.Errorf("picture %d was held back by the decoder", i)
		}
		if i < encoderSettle || i%comparedEvery != 0 {
			continue
		}
		p, err := quality.PSNR(shownAt(pictures, i), decoded)
		if err != nil {
			return err
		}
		s, err := quality.SSIM(shownAt(pictures, i), decoded)
		if err != nil {
			return err
		}
		psnr, ssim, n = psnr+p, ssim+s, n+1
	}
	b.report.Value("psnr", "dB", psnr/float64(n), labels)
	b.report.Value("ssim", "1", ssim/float64(n), labels)
	return nil
}

// overhead compares x264 through our contract with a plain C loop, in turns, and reports the ratio of the medians.
func (b *encoderBench) overhead(ctx context.Context, pictures []*media.Frame) (err error) {
	config := encoder.Config{Size: pictures[0].Visible, Bitrate: overheadBitrate}
	contract, err := x264.Open(config)
	if errors.Is(err, encoder.ErrUnavailable) {
		return nil // presets has said so
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, contract.Close()) }()
	bare, err := x264.OpenBare(config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bare.Close()) }()
	fmt.Fprintln(b.log, "x264 through the contract and in a plain C loop, in turns")
	discard := func(media.Slice) error { return nil }
	var ours, plain []time.Duration
	for begin := 0; begin < encoderSettle+2*encoder.DefaultFrameRate*b.seconds; begin += overheadTurn {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		for n := begin; n < begin+overheadTurn; n++ {
			began := time.Now()
			if _, err := contract.Encode(shownAt(pictures, n), encoder.Request{}, discard); err != nil {
				return err
			}
			if took := time.Since(began); n >= encoderSettle {
				ours = append(ours, took)
			}
		}
		for n := begin; n < begin+overheadTurn; n++ {
			took, err := bare.Encode(shownAt(pictures, n))
			if err != nil {
				return err
			}
			if n >= encoderSettle {
				plain = append(plain, took)
			}
		}
	}
	slices.Sort(ours)
	slices.Sort(plain)
	with, without := ours[len(ours)/2], plain[len(plain)/2]
	labels := bench.Labels{"encoder": x264.Name, "size": config.Size.String()}
	b.report.Value("contract_overhead", "1", float64(with)/float64(without), labels)
	b.report.Value("contract_extra", "ms", milliseconds(with-without), labels)
	return nil
}

// convert measures the screen's pixels becoming what encoders take.
func (b *encoderBench) convert(size media.Size) error {
	pixels := make([]byte, 4*size.Width*size.Height)
	for i := range pixels {
		pixels[i] = byte(i * 7)
	}
	frame := media.NewFrame(size)
	var times []float64
	for range encoder.DefaultFrameRate * b.seconds {
		began := time.Now()
		if err := yuv.FromBGRX(frame, pixels, 4*size.Width); err != nil {
			return lacks(err)
		}
		times = append(times, milliseconds(time.Since(began)))
	}
	b.report.Distribution("convert", "ms", times, bench.Labels{"size": size.String()})
	return nil
}
