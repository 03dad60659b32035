package congestion

import (
	"encoding/binary"
	"math"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/gcc"
	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtp"

	"nearlight/internal/netsim/scenario"
)

// google is pion's Google Congestion Control as streamer drives it. It takes the time from the clock, so that it lives in a bubble
// (testing/synctest) whose clock goes as the world's does.
type google struct {
	t      testing.TB
	bwe    *gcc.SendSideBWE
	writer interceptor.RTPWriter
	sum    float64 // of the targets since settle, to tell their mean
	count  int
	settle time.Duration
}

var _ driver = (*google)(nil)

const (
	googleStart = 3 * mbps
	googleLeast = emulatedCeiling / 8
	googleSSRC  = 1
	// transportNumber is the extension that the estimator looks for.
	transportNumber = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
)

func newGoogle(t testing.TB, settle time.Duration) *google {
	t.Helper()
	bwe, err := gcc.NewSendSideBWE(gcc.SendSideBWEPacer(gcc.NewNoOpPacer()), gcc.SendSideBWEInitialBitrate(googleStart),
		gcc.SendSideBWEMinBitrate(googleLeast), gcc.SendSideBWEMaxBitrate(emulatedCeiling))
	if err != nil {
		t.Fatal(err)
	}
	nowhere := interceptor.RTPWriterFunc(func(_ *rtp.Header, payload []byte, _ interceptor.Attributes) (int, error) { return len(payload), nil })
	writer := bwe.AddStream(&interceptor.StreamInfo{
		SSRC: googleSSRC, RTPHeaderExtensions: []interceptor.RTPHeaderExtension{{URI: transportNumber, ID: 1}},
	}, nowhere)
	return &google{t: t, bwe: bwe, writer: writer, settle: settle}
}

// Next grants everything: no frame is bounded but by the rate, none is skipped, and each leaves at once.
func (g *google) Next(now Instant) Grant {
	if time.Duration(now) >= g.settle {
		g.sum += float64(g.Target())
		g.count++
	}
	return Grant{}
}

func (g *google) Target() Bitrate { return Bitrate(g.bwe.GetTargetBitrate()) }

func (g *google) mean() Bitrate { return Bitrate(g.sum / float64(max(g.count, 1))) }

func (g *google) PacketSent(p SentPacket) {
	header := rtp.Header{Version: 2, SSRC: googleSSRC, SequenceNumber: uint16(p.Sequence)}
	var number [2]byte
	binary.BigEndian.PutUint16(number[:], uint16(p.Sequence))
	if err := header.SetExtension(1, number[:]); err != nil {
		g.t.Fatal(err)
	}
	if _, err := g.writer.Write(&header, make([]byte, max(p.Size-header.MarshalSize(), 0)), nil); err != nil {
		g.t.Fatal(err)
	}
}

// Reported makes of reports what a player sends.
func (g *google) Reported(_ Instant, reports []Report) {
	recorder := twcc.NewRecorder(googleSSRC + 1)
	for _, r := range reports {
		if r.Arrived {
			recorder.Record(googleSSRC, uint16(r.Sequence), r.Arrival.Microseconds())
		}
	}
	if err := g.bwe.WriteRTCP(recorder.BuildFeedbackPacket(), nil); err != nil {
		g.t.Fatal(err)
	}
}

func (*google) FrameProduced(Instant, int) {}
func (*google) Acknowledged(Instant, Ack)  {}

func (g *google) Figures(Instant) Figures { return Figures{Target: g.Target()} }

// compared is one scenario with ours, with GCC, and with ours held to the mean rate that GCC came to.
type compared struct{ ours, google, matched emulated }

func compare(t *testing.T, s scenario.Scenario, seed uint64, settle, length time.Duration) (all []compared) {
	t.Helper()
	toPlayer, _ := s.Links(seed)
	falls := fallsOf(toPlayer, settle, length-time.Second)
	run := func(w *world, drive func() driver) (figures []emulated) {
		flows, before, after := emulate(t, w, s, seed, settle, length, drive)
		for _, f := range flows {
			figures = append(figures, figuresOf(f, before, after, falls, settle, length))
		}
		return figures
	}
	held := func(ceiling Bitrate) []emulated {
		return run(newWorld(seed), func() driver { return New(0, Config{Ceiling: ceiling}) })
	}
	ours := held(emulatedCeiling)
	var theirs []emulated
	var means []Bitrate
	synctest.Test(t, func(t *testing.T) {
		var controllers []*google
		w := newWorld(seed)
		w.pass = func(d time.Duration) {
			time.Sleep(d)
			synctest.Wait()
		}
		theirs = run(w, func() driver {
			controllers = append(controllers, newGoogle(t, settle))
			return controllers[len(controllers)-1]
		})
		for _, g := range controllers {
			means = append(means, g.mean())
			if err := g.bwe.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	next := 0
	matched := run(newWorld(seed), func() driver {
		next++
		return New(0, Config{Ceiling: means[next-1], Floor: min(means[next-1], defaultFloor)})
	})
	for i := range ours {
		all = append(all, compared{ours[i], theirs[i], matched[i]})
	}
	return all
}

// TestComparedWithGCC prints what docs/performance.md has, with -v. SEEDS and LONG (not empty: a minute, of which the first half does not
// count) make it longer.
func TestComparedWithGCC(t *testing.T) {
	seeds, settle, length := seedsOr(t, 1), emulatedSettle, 15*time.Second
	if os.Getenv("LONG") != "" {
		settle, length = 30*time.Second, time.Minute
	}
	var free, same, count, stalls, theirs, matched float64
	for _, s := range scenario.All() {
		var ours, google, held []emulated
		for seed := range seeds {
			for _, c := range compare(t, s, seed+1, settle, length) {
				ours, google, held = append(ours, c.ours), append(google, c.google), append(held, c.matched)
				free += math.Log(ms(c.ours.p95) / ms(c.google.p95))
				same += math.Log(ms(c.matched.p95) / ms(c.google.p95))
				count++
				stalls += c.ours.stalled.Seconds()
				theirs += c.google.stalled.Seconds()
				matched += c.matched.stalled.Seconds()
			}
		}
		t.Logf("%-12s %3.0f ms, ours:    %v", s.Name, ms(s.RTT), quantileOf(ours, 0.5))
		t.Logf("%19s GCC:     %v", "", quantileOf(google, 0.5))
		t.Logf("%19s matched: %v", "", quantileOf(held, 0.5))
	}
	t.Logf("p95 of the excess, ours to GCC: %.2f, at its rate %.2f; stalls %.2f, %.2f", math.Exp(free/count), math.Exp(same/count), stalls/theirs, matched/theirs)
	if ratio := math.Exp(same / count); ratio > 1.05 {
		t.Errorf("at GCC's rate the p95 of our excess is %.2f of its", ratio)
	}
}
