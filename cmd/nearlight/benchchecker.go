package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"nearlight/checker/latency"
	"nearlight/checker/quality"
	"nearlight/encoder"
	"nearlight/internal/bench"
	"nearlight/internal/corpus"
	"nearlight/internal/decode"
	"nearlight/internal/marker"
	"nearlight/internal/media"
)

const (
	// checkedEvery is which of the frames a checker looks at that samples them: two a second.
	checkedEvery = 30
	// checkerSettle is how many frames are left out of the figures: the keyframe, and what caches and memory do in the beginning.
	checkerSettle = 30
)

// checkerBench is `bench checker`.
type checkerBench struct {
	json    bool
	seconds int
	seed    uint64
	name    string
	nvidia  string
	bitrate bitrateValue
	size    string

	log    io.Writer
	report *bench.Report
}

func newCheckerBench() *cobra.Command {
	b := checkerBench{bitrate: bitrateValue(encoder.DefaultBitrate)}
	c := &cobra.Command{
		Use: "checker [FLAG...]", Short: "Measure what a checker takes for a frame on one core: to decode it, compare it, and read its marker",
		Long: "Our own scene is coded by each encoder, before anything is measured. Then one thread, the decoder's as well, does for each frame what a checker\n" +
			"does that has drawn the same scene: decode, PSNR, SSIM, marker. `skipped_frames` is how many of a second's frames would not have been done,\n" +
			"where they come 60 times a second and one may wait. `sampled` is for a checker that compares one in 30. Where a name ends in _cpu, only the time\n" +
			"counts in which a processor worked for us, as in `sampled`.",
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
	c.Flags().IntVar(&b.seconds, "seconds", 5, "how much of the scene each encoder codes, at 60 pictures a second")
	c.Flags().Uint64Var(&b.seed, "seed", 1, "repeats the pictures")
	c.Flags().StringVar(&b.name, "encoder", encoder.Auto, "measure only streams of these: "+strings.Join(ladder("").Names(), ", "))
	registerNVIDIA(c.Flags(), &b.nvidia)
	c.Flags().Var(&b.bitrate, "bitrate", "upper bound, in bits per second")
	c.Flags().StringVar(&b.size, "size", "1280x720", "size of the pictures")
	return c
}

func (b *checkerBench) run(ctx context.Context) error {
	if b.seconds < 1 || b.seconds > 600 {
		return usage("--seconds %d: want 1 to 600", b.seconds)
	}
	candidates, err := ladder(b.nvidia).Only(b.name)
	if err != nil {
		return usage("--encoder: %w", err)
	}
	size, err := media.ParseSize(b.size)
	if err == nil && !marker.Size.Fits(size) {
		err = fmt.Errorf("%v has no room for a marker, which takes %v", size, marker.Size)
	}
	if err != nil {
		return usage("--size: %w", err)
	}
	b.report = &bench.Report{Bench: "checker", Machine: bench.ThisMachine(), Params: map[string]any{
		"seconds": b.seconds, "seed": b.seed, "size": size.String(), "fps": encoder.DefaultFrameRate, "bitrate": b.bitrate.String(),
		"encoder": b.name, "cores": 1, "version": version,
	}}
	fmt.Fprintf(b.log, "drawing %s at %v\n", corpus.Scene, size)
	pictures, err := corpus.Render(corpus.Scene, size, corpusLength, b.seed)
	if err != nil {
		return lacks(err)
	}
	watched := 0
	for _, candidate := range candidates {
		coded, err := b.code(ctx, candidate, pictures)
		if errors.Is(err, encoder.ErrUnavailable) {
			fmt.Fprintf(b.log, "SKIPPED %s: %v\n", candidate.Name, err)
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", candidate.Name, err)
		}
		fmt.Fprintf(b.log, "watching %d frames of %s\n", len(coded.ends), candidate.Name)
		if err := b.watch(ctx, candidate, coded, pictures); err != nil {
			return fmt.Errorf("%s: %w", candidate.Name, err)
		}
		watched++
	}
	if watched == 0 {
		return lacks(errors.New("no stream could be coded: bench checker needs an encoder"))
	}
	return nil
}

// stamped is the picture to show at time n with its marker: what is drawn now replaces the marker of the time before.
func stamped(pictures []*media.Frame, n int) *media.Frame {
	picture := shownAt(pictures, n)
	shown := media.Instant(time.Duration(n+1) * encoder.FrameTime(encoder.DefaultFrameRate))
	marker.DrawI420(picture, marker.New(shown, uint32(n), uint16(n)))
	return picture
}

// code makes the clip.
func (b *checkerBench) code(ctx context.Context, candidate encoder.Candidate, pictures []*media.Frame) (_ *stream, err error) {
	e, err := candidate.Open(encoder.Config{Size: pictures[0].Visible, Bitrate: media.Bitrate(b.bitrate)})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	coded := &stream{}
	for n := range checkerSettle + encoder.DefaultFrameRate*b.seconds {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if _, err := e.Encode(stamped(pictures, n), encoder.Request{}, coded.add); err != nil {
			return nil, err
		}
	}
	return coded, nil
}

// watch measures what a checker takes for each frame, then what one takes that samples them.
func (b *checkerBench) watch(ctx context.Context, candidate encoder.Candidate, coded *stream, pictures []*media.Frame) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	labels := bench.Labels{"encoder": candidate.Name, "size": pictures[0].Visible.String()}
	if err := b.all(ctx, candidate.Codec, coded, pictures, labels); err != nil {
		return err
	}
	return b.sampled(ctx, candidate.Codec, coded, pictures, labels)
}

// checking is what it takes to look at one frame.
type checking struct {
	decode, psnr, ssim, marker time.Duration
	processor                  time.Duration // of all of it
}

func (c *checking) total() time.Duration { return c.decode + c.psnr + c.ssim + c.marker }

func (b *checkerBench) all(ctx context.Context, codec media.Codec, coded *stream, pictures []*media.Frame, labels bench.Labels) error {
	times := make([]checking, 0, len(coded.ends))
	both, unaided := make([]float64, 0, len(coded.ends)), make([]float64, 0, len(coded.ends))
	var comparer quality.Comparer
	alone := newUnaided()
	unread := 0
	if err := eachDecoded(ctx, codec, coded, pictures, func(n int, took, processor time.Duration, want, got *media.Frame) error {
		c := checking{decode: took, processor: processor}
		began, worked := time.Now(), threadTime()
		if _, err := quality.PSNR(want, got); err != nil {
			return err
		}
		compared := time.Now()
		if _, err := comparer.SSIM(want, got); err != nil {
			return err
		}
		similar := time.Now()
		stamp, err := marker.Decode(got.Y, got.Visible)
		c.psnr, c.ssim, c.marker = compared.Sub(began), similar.Sub(compared), time.Since(similar)
		c.processor += threadTime() - worked
		if n < checkerSettle {
			return nil
		}
		if err != nil || stamp.Counter != uint16(n) {
			unread++
		}
		times = append(times, c)
		began = time.Now()
		if _, err := comparer.Compare(want, got); err != nil {
			return err
		}
		both = append(both, milliseconds(time.Since(began)))
		began = time.Now()
		err = errors.Join(alone.motion(got), alone.look(got))
		unaided = append(unaided, milliseconds(time.Since(began)))
		return err
	}); err != nil {
		return err
	}
	figure := func(name string, of func(*checking) time.Duration) {
		samples := make([]float64, len(times))
		for i := range times {
			samples[i] = milliseconds(of(&times[i]))
		}
		b.report.Distribution(name, "ms", samples, labels)
	}
	figure("decode", func(c *checking) time.Duration { return c.decode })
	figure("psnr", func(c *checking) time.Duration { return c.psnr })
	figure("ssim", func(c *checking) time.Duration { return c.ssim })
	figure("marker", func(c *checking) time.Duration { return c.marker })
	figure("frame_total", (*checking).total)
	figure("frame_total_cpu", func(c *checking) time.Duration { return c.processor })
	b.report.Distribution("psnr_and_ssim", "ms", both, labels)
	b.report.Distribution("unaided", "ms", unaided, labels)
	skips := func(name string, of func(*checking) time.Duration) {
		queue := frameQueue{interval: encoder.FrameTime(encoder.DefaultFrameRate)}
		for i := range times {
			queue.arrive(times[i].decode, of(&times[i]))
		}
		b.report.Value(name, "1/s", float64(queue.skipped)/float64(b.seconds), labels)
	}
	skips("skipped_frames", (*checking).total)
	skips("skipped_frames_cpu", func(c *checking) time.Duration { return c.processor })
	b.report.Value("markers_unread", "1", float64(unread), labels)
	return nil
}

// unaided is what a checker finds without knowing what should be seen.
type unaided struct {
	moved  quality.Motion
	detail *quality.Detail
}

func newUnaided() *unaided {
	return &unaided{moved: quality.Motion{LeaveOut: marker.Size}, detail: quality.NewDetail(marker.Size)}
}

// motion is for every frame.
func (u *unaided) motion(f *media.Frame) error {
	_, err := u.moved.Watch(f)
	return err
}

// look is for as many as there is time for.
func (u *unaided) look(f *media.Frame) error {
	_, err := u.detail.Look(f)
	_, err2 := quality.Blockiness(f, marker.Size)
	return errors.Join(err, err2)
}

// sampled measures what a checker takes that decodes every frame, as each refers to the one before, reads its marker, as any may answer an input, and sees whether
// it moves, but compares and looks into one in checkedEvery only.
func (b *checkerBench) sampled(ctx context.Context, codec media.Codec, coded *stream, pictures []*media.Frame, labels bench.Labels) error {
	var comparer quality.Comparer
	alone := newUnaided()
	meter := latency.New(latency.Config{FrameRate: encoder.DefaultFrameRate})
	var worked, decoding time.Duration
	if err := eachDecoded(ctx, codec, coded, pictures, func(n int, _, processor time.Duration, want, got *media.Frame) error {
		if n < checkerSettle {
			return nil
		}
		began := threadTime()
		stamp, unread := marker.Decode(got.Y, got.Visible)
		change, err := alone.moved.Watch(got)
		if err != nil {
			return err
		}
		shown := media.Instant(time.Duration(n+1) * encoder.FrameTime(encoder.DefaultFrameRate))
		meter.Frame(latency.Frame{
			FirstPacket: shown, Decoded: shown, Size: got.Visible, Bytes: len(coded.unit(n)), Stamp: stamp, Marked: unread == nil, Content: change.Content,
		})
		if n%checkedEvery == 0 {
			if _, err := comparer.Compare(want, got); err != nil {
				return err
			}
			if err := alone.look(got); err != nil {
				return err
			}
		}
		decoding += processor
		worked += processor + threadTime() - began
		return nil
	}); err != nil {
		return err
	}
	length := time.Duration(len(coded.ends)-checkerSettle) * encoder.FrameTime(encoder.DefaultFrameRate)
	b.report.Value("sampled", "cores", worked.Seconds()/length.Seconds(), labels)
	b.report.Value("sampled_decode", "cores", decoding.Seconds()/length.Seconds(), labels)
	return nil
}

// eachDecoded decodes the clip and hands each frame over with the picture that was meant, and what its decoding took of time and of the processor.
func eachDecoded(ctx context.Context, codec media.Codec, coded *stream, pictures []*media.Frame,
	look func(n int, took, processor time.Duration, want, got *media.Frame) error,
) error {
	decoder, err := decode.Open(codec)
	if err != nil {
		return lacks(err)
	}
	defer decoder.Close()
	for n := range coded.ends {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		want := stamped(pictures, n)
		began, worked := time.Now(), threadTime()
		got, err := decoder.Decode(coded.unit(n))
		took, processor := time.Since(began), threadTime()-worked
		if err != nil {
			return fmt.Errorf("frame %d: %w", n, err)
		}
		if got == nil {
			return fmt.Errorf("frame %d was held back by the decoder", n)
		}
		if err := look(n, took, processor, want, got); err != nil {
			return fmt.Errorf("frame %d: %w", n, err)
		}
	}
	return nil
}
