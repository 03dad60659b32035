package edge

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"nearlight/encoder"
	"nearlight/internal/media"
)

// When an encoder is taken to be broken though it fails nothing, and when one that failed is tried again.
const (
	// A picture that takes longer has stalled: far more than an encoder that is merely too slow, for which there is the governor.
	stalledAfter  = 100 * time.Millisecond
	stallsAllowed = 1 // in a row: the first may be the machine's, when something else took the processor
	// The first pictures of a stream may wait for memory and clocks.
	stallsBegin = 3

	retryFirst = 30 * time.Second
	retryMost  = 10 * time.Minute
)

// errReplaced reports that a picture was not coded, because its encoder failed, and that another one is at work now: the picture is
// to be coded again, as a keyframe, under a capture time of its own, since parts of the first try may have been sent.
var errReplaced = errors.New("another encoder took over")

// encoding keeps one session's pictures coded: which encoder is at work, with which settings, and who takes its place when
// it fails.
//
//	at work ──fails, or stalls twice──> the next one on the ladder is at work, from a keyframe on
//	   ^                                        │
//	   └── the better one opens again, which is tried later and later ──┘
//
// One goroutine uses it. A better encoder is opened on a goroutine of its own, which close waits for.
type encoding struct {
	logger *slog.Logger
	config encoder.Config // as the encoder is set now
	work   encoder.Encoder
	chosen encoder.Candidate
	// For the player: what an encoder that failed has to do with this one, and why no better one was there from the beginning.
	why, instead string
	rest         encoder.Ladder
	// wanted is what H.264 is coded in where the encoder can. The player was asked of no other codec.
	wanted media.Sampling
	mends  encoder.Recovery // how losses are to be mended, where the encoder can
	// accepts reports whether the player who watches takes a codec; nil while nobody does.
	accepts func(media.Codec) bool

	coded    captures
	pictures int  // since the encoder was opened
	stalls   int  // in a row
	changed  bool // another encoder is at work since restore was asked last

	failed  []encoder.Candidate      // better ones, the best first
	retry   map[string]time.Duration // by name: how long to wait before the next try; it grows with every failure
	tried   media.Instant            // the best of failed
	trying  bool
	opening chan opened    // of capacity 1: the outcome of the try under way
	helpers sync.WaitGroup // open or close encoders
}

// opened is the outcome of a try to open a better encoder.
type opened struct {
	candidate encoder.Candidate
	size      media.Size
	sampling  media.Sampling
	recovery  encoder.Recovery
	encoder   encoder.Encoder // nil beside err
	err       error
}

// newEncoding takes over an encoder that was opened with config.
func newEncoding(choice *encoder.Choice, config encoder.Config, logger *slog.Logger) *encoding {
	return &encoding{
		logger: logger, config: config, work: choice.Encoder, chosen: choice.Candidate, rest: choice.Rest,
		instead: choice.Instead(), wanted: config.Sampling, mends: config.Recovery,
		retry: map[string]time.Duration{}, opening: make(chan opened, 1),
	}
}

// encode codes one picture. After errReplaced the picture is still to be coded; any other error is final, but for emit's own.
func (e *encoding) encode(f *media.Frame, r encoder.Request, emit func(media.Slice) error) (encoder.Result, error) {
	var refused error // by emit: no fault of the encoder's
	began := media.Now()
	result, err := e.work.Encode(f, r, func(s media.Slice) error {
		refused = emit(s)
		return refused
	})
	if refused != nil {
		return result, refused
	}
	if err != nil {
		return result, e.replace(fmt.Errorf("encode: %w", err))
	}
	e.coded.add(f.Times.Damaged, result.Keyframe)
	e.changed = e.watch(media.Now().Sub(began)) || e.changed
	return result, nil
}

// watch replaces an encoder that stalls again and again, if there is another, and reports whether it did.
func (e *encoding) watch(took time.Duration) (replaced bool) {
	e.pictures++
	if took < stalledAfter || e.pictures <= stallsBegin {
		e.stalls = 0
		return false
	}
	if e.stalls++; e.stalls <= stallsAllowed || len(e.candidates()) == 0 {
		return false
	}
	err := e.replace(fmt.Errorf("it takes %v for a picture", took.Round(time.Millisecond)))
	if !errors.Is(err, errReplaced) {
		e.logger.Error("a stalling encoder stays at work", "encoder", e.chosen.Name, "error", err)
	}
	return errors.Is(err, errReplaced)
}

// candidates are those that can take over within the connection as it was negotiated.
func (e *encoding) candidates() encoder.Ladder {
	var able encoder.Ladder
	for _, candidate := range e.rest {
		if e.sendable(candidate) {
			able = append(able, candidate)
		}
	}
	return able
}

// sendable reports whether what a candidate makes can be sent.
func (e *encoding) sendable(c encoder.Candidate) bool {
	return c.Codec == e.chosen.Codec || e.accepts != nil && e.accepts(c.Codec)
}

// serve makes sure that a player who begins to watch takes what is sent, if need be by another encoder.
func (e *encoding) serve(accepts func(media.Codec) bool) error {
	e.accepts = accepts
	if accepts == nil || accepts(e.chosen.Codec) {
		return nil
	}
	if cause := fmt.Errorf("the player does not decode %s", e.chosen.Codec); !e.changeCodec(accepts, cause) {
		return fmt.Errorf("%s: %w", e.chosen.Name, cause)
	}
	return nil
}

// replace puts the next candidate that opens in the place of the encoder at work, which failed. It returns errReplaced, or why
// there is none; then the failed encoder stays, for close.
func (e *encoding) replace(cause error) error {
	failed := e.chosen
	err := e.replaceBy(e.candidates(), cause)
	if errors.Is(err, errReplaced) {
		e.failed = append(e.failed, failed)
		e.postpone(failed.Name)
	}
	return err
}

// changeCodec puts an encoder to work whose codec suits, if there is one, and reports whether it did. The one before has not
// failed, and is not tried again.
func (e *encoding) changeCodec(suits func(media.Codec) bool, cause error) bool {
	able := slices.DeleteFunc(e.candidates(), func(c encoder.Candidate) bool { return c.Codec == e.chosen.Codec || !suits(c.Codec) })
	return errors.Is(e.replaceBy(able, cause), errReplaced)
}

// ease changes to a codec that takes a decoder less work than the one now, if there is one.
func (e *encoding) ease() bool {
	now := decodingWork(e.chosen.Codec)
	return e.changeCodec(func(c media.Codec) bool { return decodingWork(c) < now },
		fmt.Errorf("the player's device decodes %s too slowly", e.chosen.Codec))
}

func (e *encoding) replaceBy(candidates encoder.Ladder, cause error) error {
	config := e.config
	config.Speed = 0 // others have other presets; the fastest is the safest
	config.Recovery = e.mends
	failed := e.chosen
	reason := fmt.Errorf("%s: %w", failed.Name, cause)
	for _, candidate := range candidates {
		next, config, err := openIn(config.Sampling, candidate, config) // never finer: the picture under way may not be
		if err != nil {
			reason = fmt.Errorf("%w; %s: %w", reason, candidate.Name, err)
			continue
		}
		e.logger.Warn("encoder failed, another takes over", "failed", failed.Name, "error", cause, "now", candidate.Name)
		e.use(candidate, next, config)
		e.why = fmt.Sprintf("%s failed (%v), %s goes on", failed.Name, cause, candidate.Name)
		return errReplaced
	}
	return reason
}

// openIn opens a candidate in a sampling, or in the one that all have: where it has no other, and where its codec is not H.264.
func openIn(wanted media.Sampling, candidate encoder.Candidate, config encoder.Config) (encoder.Encoder, encoder.Config, error) {
	if config.Sampling = wanted; candidate.Codec == media.H264 && wanted != (media.Sampling{}) {
		if opened, as, err := candidate.OpenMending(config); !errors.Is(err, encoder.ErrUnsupported) {
			return opened, as, err
		}
	}
	config.Sampling = media.Sampling{}
	return candidate.OpenMending(config)
}

// postpone puts off the next try of a candidate: longer each time.
func (e *encoding) postpone(name string) {
	e.retry[name] = min(max(2*e.retry[name], retryFirst), retryMost)
	e.tried = media.Now()
}

// use puts another encoder to work.
func (e *encoding) use(candidate encoder.Candidate, next encoder.Encoder, config encoder.Config) {
	e.dismiss(e.work, e.chosen.Name)
	e.work, e.chosen, e.config = next, candidate, config
	e.pictures, e.stalls = 0, 0
	e.rest = slices.DeleteFunc(slices.Clone(e.rest), func(c encoder.Candidate) bool { return c.Name == candidate.Name })
}

// dismiss closes an encoder elsewhere, since a broken one may take its time.
func (e *encoding) dismiss(encoder encoder.Encoder, name string) {
	e.helpers.Go(func() {
		if err := encoder.Close(); err != nil {
			e.logger.Warn("close an encoder", "encoder", name, "error", err)
		}
	})
}

// restore goes back to a better encoder once one opens again. It reports whether another encoder is at work since it was
// asked last, for this or another reason: the next picture has to be a keyframe then. It never waits.
func (e *encoding) restore(now media.Instant) bool {
	if e.changed {
		e.changed = false
		return true
	}
	select {
	case o := <-e.opening:
		return e.welcome(o)
	default:
	}
	if len(e.failed) == 0 || e.trying || !e.sendable(e.failed[0]) || now.Sub(e.tried) < e.retry[e.failed[0].Name] {
		return false
	}
	e.trying = true
	candidate, config, wanted := e.failed[0], e.config, e.wanted
	config.Speed, config.Recovery = 0, e.mends
	e.helpers.Go(func() {
		better, err := onRealtimeThread(e.logger, func() (better encoder.Encoder, err error) {
			better, config, err = openIn(wanted, candidate, config)
			return better, err
		})
		e.opening <- opened{candidate, config.Size, config.Sampling, config.Recovery, better, err}
	})
	return false
}

// welcome takes the outcome of a try to open the best of those that failed.
func (e *encoding) welcome(o opened) bool {
	e.trying = false
	if o.err == nil { // much may have changed meanwhile
		now := encoder.Reconfiguration{Bitrate: e.config.Bitrate, FrameRate: e.config.FrameRate}
		if o.size != e.config.Size {
			now.Size = e.config.Size
		}
		o.err = o.encoder.Reconfigure(now)
	}
	if o.err != nil {
		e.postpone(o.candidate.Name)
		e.logger.Info("encoder still fails", "encoder", o.candidate.Name, "error", o.err, "again_in", e.retry[o.candidate.Name])
		if o.encoder != nil {
			e.dismiss(o.encoder, o.candidate.Name)
		}
		return false
	}
	e.logger.Info("encoder works again", "encoder", o.candidate.Name)
	config := e.config
	config.Speed, config.Sampling, config.Recovery = 0, o.sampling, o.recovery
	e.rest = slices.Concat(encoder.Ladder{e.chosen}, e.rest, e.failed[1:])
	e.failed, e.why = nil, ""
	e.use(o.candidate, o.encoder, config)
	return true
}

// reconfigure changes the stream. It returns errReplaced where the encoder failed and another one, set as wanted, took over.
func (e *encoding) reconfigure(r encoder.Reconfiguration) error {
	config, err := e.config.Apply(r)
	if err != nil {
		return fmt.Errorf("reconfigure the encoder: %w", err)
	}
	err = e.work.Reconfigure(r)
	if errors.Is(err, encoder.ErrUnsupported) && r.Speed != nil { // a preset that would need a new stream is not worth a keyframe
		r.Speed = nil
		config.Speed = e.config.Speed
		err = e.work.Reconfigure(r)
	}
	if err != nil {
		before := e.config
		e.config = config
		if err = e.replace(fmt.Errorf("reconfigure: %w", err)); !errors.Is(err, errReplaced) {
			e.config = before
		}
		return err
	}
	e.config = config
	return nil
}

// close closes every encoder.
func (e *encoding) close() error {
	e.helpers.Wait()
	err := e.work.Close()
	select {
	case o := <-e.opening:
		if o.err == nil {
			err = errors.Join(err, o.encoder.Close())
		}
	default:
	}
	return err
}
