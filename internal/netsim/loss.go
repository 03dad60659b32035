package netsim

import (
	"fmt"
	"math/rand/v2"
)

// Loss decides which packets are lost on the way, before they reach the bottleneck. The n-th packet of a link meets the
// same decision for the same seed, whenever it is sent. It is Random or GilbertElliott; a nil Loss loses nothing.
type Loss interface {
	check() error
	lossProcess(*rand.Rand) lossProcess
}

type lossProcess interface{ lost() bool }

// Random loses packets independently of each other.
type Random struct {
	Share float64 // of all packets, 0 to 1
}

func (l Random) check() error { return checkShare("random loss", l.Share) }

func (l Random) lossProcess(random *rand.Rand) lossProcess { return &coin{l.Share, random} }

// GilbertElliott loses packets in bursts. The link is in a good or in a bad state and may change it before each packet.
// The letters are those of Haßlinger and Hohlfeld, "The Gilbert-Elliott Model for Packet Loss in Real Time Services on the
// Internet" (MMB 2008), section 2.
//
// The share lost in the long run is (p(1-h) + r(1-k)) / (p+r); a bad state lasts 1/r packets on average. Their simple
// Gilbert model is the zero BadPass and GoodLoss: all is lost in the bad state, nothing in the good one.
type GilbertElliott struct {
	ToBad    float64 // p: chance of going from good to bad, for each packet
	ToGood   float64 // r: chance of going from bad to good
	BadPass  float64 // h: chance that a packet passes in the bad state
	GoodLoss float64 // 1-k: chance that a packet is lost in the good state
}

// Share returns the share of packets that is lost in the long run.
func (l GilbertElliott) Share() float64 {
	return (l.ToBad*(1-l.BadPass) + l.ToGood*l.GoodLoss) / (l.ToBad + l.ToGood)
}

func (l GilbertElliott) check() error {
	for _, share := range []float64{l.ToBad, l.ToGood, l.BadPass, l.GoodLoss} {
		if err := checkShare("burst loss", share); err != nil {
			return err
		}
	}
	if l.ToGood == 0 {
		return fmt.Errorf("burst loss: the bad state would last for ever: give ToGood a chance above 0")
	}
	return nil
}

func (l GilbertElliott) lossProcess(random *rand.Rand) lossProcess {
	return &gilbertElliott{model: l, random: random}
}

type gilbertElliott struct {
	model  GilbertElliott
	random *rand.Rand
	bad    bool
}

func (g *gilbertElliott) lost() bool {
	change, loss := g.model.ToBad, g.model.GoodLoss
	if g.bad {
		change = g.model.ToGood
	}
	if g.random.Float64() < change {
		g.bad = !g.bad
	}
	if g.bad {
		loss = 1 - g.model.BadPass
	}
	return g.random.Float64() < loss
}

// coin comes up with a share of its throws.
type coin struct {
	share  float64
	random *rand.Rand
}

func (c *coin) lost() bool { return c.share > 0 && c.random.Float64() < c.share }

func checkShare(what string, share float64) error {
	if !(share >= 0 && share <= 1) { // NaN fails as well
		return fmt.Errorf("%s: %v is no share: give 0 to 1", what, share)
	}
	return nil
}
