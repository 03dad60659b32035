package gpu

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"nearlight/internal/media"
)

// candidate is an idle, cool card that can encode everything; changes make it another.
func candidate(index int, changes ...func(*Candidate)) Candidate {
	c := Candidate{GPU: GPU{
		Index: index, Address: addressOf(0, uint32(index+1), 0),
		Memory:      Memory{Total: Known(24 * GiB), Used: Known(2 * GiB)},
		Load:        Load{Graphics: Known(0.0), Encoder: Known(0.0)},
		Temperature: Known(Celsius(45)), Slowdown: Known(Celsius(90)),
		Throttle: Known(Idle),
		Encoder:  Encoder{Free: Known(map[media.Codec]float64{media.H264: 1, media.HEVC: 1})},
	}, Sessions: Known(8)}
	for _, change := range changes {
		change(&c)
	}
	return c
}

func busy(graphics float64) func(*Candidate) {
	return func(c *Candidate) { c.Load.Graphics = Known(graphics) }
}
func encoding(share float64) func(*Candidate) {
	return func(c *Candidate) { c.Load.Encoder = Known(share) }
}
func sessions(left int) func(*Candidate) { return func(c *Candidate) { c.Sessions = Known(left) } }
func placed(n int) func(*Candidate)      { return func(c *Candidate) { c.Placed = n } }
func used(b Bytes) func(*Candidate)      { return func(c *Candidate) { c.Memory.Used = Known(b) } }
func throttled(t Throttle) func(*Candidate) {
	return func(c *Candidate) { c.Throttle = Known(t) }
}
func degrees(t Celsius) func(*Candidate) {
	return func(c *Candidate) { c.Temperature = Known(t) }
}
func noSlowdown(c *Candidate) { c.Slowdown = Reading[Celsius]{} }
func split(c *Candidate)      { c.MIG = Known(true) }
func lost(c *Candidate)       { c.Err = fmt.Errorf("%w: off the bus", ErrLost) }
func unread(c *Candidate)     { c.Err = errors.New("nvmlDeviceGetPowerUsage: unknown error") }
func unprobed(c *Candidate)   { c.Sessions = Reading[int]{} }
func noNVENC(c *Candidate) {
	c.Encoder.Free, c.Sessions = Known(map[media.Codec]float64{}), Reading[int]{}
}
func silent(c *Candidate) {
	*c = Candidate{GPU: GPU{Index: c.Index, Address: c.Address}}
}

func TestASessionGoesToTheCardThatServesItBest(t *testing.T) {
	drawnOn := func(index int) Need { return Need{Rendered: addressOf(0, uint32(index+1), 0)} }
	for _, c := range []struct {
		reason   string
		cards    []Candidate
		need     Need
		want     int
		software bool
	}{
		{"one idle card takes it", []Candidate{candidate(0)}, Need{}, 0, false},
		{"of equals, the first", []Candidate{candidate(0), candidate(1)}, Need{}, 0, false},
		{"NVML's order decides, not the list's", []Candidate{candidate(1), candidate(0)}, Need{}, 0, false},

		{"the less loaded one", []Candidate{candidate(0, busy(0.6)), candidate(1, busy(0.2))}, Need{}, 1, false},
		{"a difference within a sample's error does not count", []Candidate{candidate(0, busy(0.28)), candidate(1, busy(0.21))}, Need{}, 0, false},
		{"a full encoder is load as much as a busy chip", []Candidate{candidate(0, encoding(0.9)), candidate(1, busy(0.5))}, Need{}, 1, false},
		{"figures lag: what was placed just now counts", []Candidate{candidate(0, placed(1)), candidate(1)}, Need{}, 1, false},
		{"a desktop's few percent weigh less than a session", []Candidate{candidate(0, busy(0.04)), candidate(1, placed(1))}, Need{}, 0, false},
		{"a session whose load shows is not counted twice", []Candidate{candidate(0, placed(2), busy(0.3)), candidate(1, placed(3), busy(0.3))}, Need{}, 0, false},

		{"at equal load, more free memory", []Candidate{candidate(0, used(8*GiB)), candidate(1)}, Need{}, 1, false},
		{"load weighs more than memory", []Candidate{candidate(0, used(8*GiB)), candidate(1, busy(0.5))}, Need{}, 0, false},
		{"too little memory is out, however idle", []Candidate{candidate(0, used(23*GiB)), candidate(1, busy(0.9))}, Need{Memory: 2 * GiB}, 1, false},
		{"at equal load and memory, more sessions left", []Candidate{candidate(0, sessions(1)), candidate(1, sessions(5))}, Need{}, 1, false},

		{"a card with a session left before one without", []Candidate{candidate(0, sessions(0)), candidate(1, sessions(1), busy(0.8))}, Need{}, 1, false},
		{"a card with an encoder before one without", []Candidate{candidate(0, noNVENC), candidate(1, busy(0.8))}, Need{}, 1, false},
		{"no encoder anywhere: the processor encodes", []Candidate{candidate(0, noNVENC)}, Need{}, 0, true},
		{"all sessions taken: the processor encodes", []Candidate{candidate(0, sessions(0))}, Need{}, 0, true},
		{"sessions found by opening outweigh the driver's word", []Candidate{candidate(0, noNVENC, sessions(3))}, Need{}, 0, false},
		{"not probed: the driver's word counts", []Candidate{candidate(0, unprobed)}, Need{}, 0, false},
		{"a codec that the card has", []Candidate{candidate(0)}, Need{Codec: media.HEVC}, 0, false},
		{"a codec that it lacks is encoded by the processor", []Candidate{candidate(0)}, Need{Codec: media.AV1}, 0, true},

		{"slowed down by heat: last", []Candidate{candidate(0, throttled(HardThermal)), candidate(1, busy(0.9))}, Need{}, 1, false},
		{"at its power limit: last", []Candidate{candidate(0, throttled(PowerCap)), candidate(1, busy(0.9))}, Need{}, 1, false},
		{"hot: last, before it slows down", []Candidate{candidate(0, degrees(86)), candidate(1, busy(0.9))}, Need{}, 1, false},
		{"as warm as it may be", []Candidate{candidate(0, degrees(84)), candidate(1, busy(0.9))}, Need{}, 0, false},
		{"hot by the rule for cards that tell no limit", []Candidate{candidate(0, noSlowdown, degrees(83)), candidate(1, busy(0.9))}, Need{}, 1, false},
		{"last, and after one that cannot encode", []Candidate{candidate(0, throttled(HardSlowdown)), candidate(1, noNVENC)}, Need{}, 1, true},
		{"last is not never", []Candidate{candidate(0, throttled(HardThermal))}, Need{}, 0, false},
		{"idle clocks are not slowed down", []Candidate{candidate(0, throttled(Idle|FixedClocks)), candidate(1, busy(0.9))}, Need{}, 0, false},

		{"a lost card is out", []Candidate{candidate(0, lost), candidate(1, busy(0.9))}, Need{}, 1, false},
		{"a card with an unread figure is in", []Candidate{candidate(0, unread), candidate(1, busy(0.9))}, Need{}, 0, false},
		{"a card split by MIG is out", []Candidate{candidate(0, split), candidate(1, busy(0.9))}, Need{}, 1, false},
		{"a card that tells nothing, before a busy one", []Candidate{candidate(0, noNVENC, busy(0.9)), candidate(1, silent)}, Need{}, 1, true},
		{"a card that tells nothing, after an idle one", []Candidate{candidate(0, silent), candidate(1, noNVENC)}, Need{}, 1, true},

		{"encoded where it was drawn, though another is idle", []Candidate{candidate(0), candidate(1, busy(0.9))}, drawnOn(1), 1, false},
		{"where it was drawn, though it is hot and its memory full", []Candidate{candidate(0), candidate(1, degrees(95), used(24*GiB))}, drawnOn(1), 1, false},
		{"drawn where no session is left: read back, not sent to another card", []Candidate{candidate(0), candidate(1, sessions(0))}, drawnOn(1), 1, true},
	} {
		got, err := Place(c.cards, c.need)
		if err != nil {
			t.Errorf("%s: %v", c.reason, err)
			continue
		}
		if want := addressOf(0, uint32(c.want+1), 0); got.Card != want || got.Hardware == c.software {
			t.Errorf("%s: got %+v, want GPU %d, by software %t", c.reason, got, c.want, c.software)
		}
		if !strings.HasPrefix(got.Reason, fmt.Sprintf("GPU %d: ", c.want)) || strings.Contains(got.Reason, "\n") {
			t.Errorf("%s: reason %q", c.reason, got.Reason)
		}
	}
}

func TestASessionThatNoCardTakesIsRefusedWithEachReason(t *testing.T) {
	for _, c := range []struct {
		reason string
		cards  []Candidate
		need   Need
		says   []string
	}{
		{"no card", nil, Need{}, []string{"there is none"}},
		{"each one's own reason", []Candidate{candidate(0, lost), candidate(1, split), candidate(2, used(23*GiB))}, Need{Memory: 2 * GiB},
			[]string{"GPU 0: lost", "GPU 1: split by MIG", "GPU 2: 1.0 GiB free of the 2.0 GiB that the session needs"}},
		{"drawn on a card that is lost", []Candidate{candidate(0), candidate(1, lost)}, Need{Rendered: candidate(1).Address},
			[]string{"GPU 0: the app draws on 0000:02:00.0", "GPU 1: lost"}},
		{"drawn on something else, such as another maker's card", []Candidate{candidate(0)}, Need{Rendered: "0000:09:00.0"},
			[]string{"the app draws on 0000:09:00.0"}},
		{"a card without an address cannot be named to anybody", []Candidate{{}}, Need{}, []string{"its place on the bus is not known"}},
	} {
		got, err := Place(c.cards, c.need)
		if !errors.Is(err, ErrNoPlace) || got != (Placement{}) {
			t.Errorf("%s: got %+v, %v", c.reason, got, err)
			continue
		}
		for _, says := range c.says {
			if !strings.Contains(err.Error(), says) {
				t.Errorf("%s: %q does not say %q", c.reason, err, says)
			}
		}
	}
}

func TestThePlacementTellsItsOwnerWhy(t *testing.T) {
	for _, c := range []struct {
		cards []Candidate
		need  Need
		want  string
	}{
		{[]Candidate{candidate(0, busy(0.2))}, Need{}, "GPU 0: the only one, 20 % busy, 22.0 GiB free, encodes there"},
		{[]Candidate{candidate(0, noNVENC, degrees(95)), candidate(1, lost)}, Need{},
			"GPU 0: best of 2, 0 % busy, 22.0 GiB free, slowed down or hot, no encoder free there: the processor encodes"},
		{[]Candidate{candidate(0, silent)}, Need{Rendered: candidate(0).Address}, "GPU 0: the app draws there, no encoder free there: the processor encodes"},
	} {
		if got, err := Place(c.cards, c.need); err != nil || got.Reason != c.want {
			t.Errorf("got  %q, %v\nwant %q", got.Reason, err, c.want)
		}
	}
}
