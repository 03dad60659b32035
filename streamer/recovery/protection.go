package recovery

import (
	"math"
	"time"
)

const (
	// protectFrom is the loss from which repair packets are sent, and protectTo that down to which they go on: a link that loses less
	// costs a repeat every few seconds.
	protectFrom = 0.005
	protectTo   = 0.002
	// protectRoundTrip is from which round trip on: within a shorter one a repeat comes as soon as the next frame.
	protectRoundTrip = 15 * time.Millisecond
	// deviationsEvery is for how much of a round trip one more standard deviation of the losses is provided for: the longer a repeat
	// takes, the more is spent on not needing it. mostDeviations bounds it.
	deviationsEvery = 25 * time.Millisecond
	mostDeviations  = 6
	// keyframeDeviations are added for a keyframe, which everything after it waits for.
	keyframeDeviations = 2
	// spareFrom is from which round trip on there is one repair packet more, for those that are lost themselves; on shorter ways there
	// is a part of it.
	spareFrom = 40 * time.Millisecond
	// mostProtection is the most that is spent: one repair packet for so many others. Beyond, the next one mends less than it costs.
	mostProtection = 3
	// lossMemory is over how many frames loss is smoothed: five seconds; one where it is clearly more than was known.
	lossMemory, lossRise       = 300, 60
	clearlyMore, clearlyMoreBy = 1.5, 0.005
	// assumedLoss and assumedRoundTrip are what a keyframe is protected for before anything is known of the way: of twenty packets one is lost in
	// every third of such, and the first picture would wait for it.
	assumedLoss      = 0.02
	assumedRoundTrip = 80 * time.Millisecond
	// mostBurst is from which length on losses in a row are an outage, which no repair packet mends.
	mostBurst = 12
	// burstVariance is by how much more of its mean the number of losses varies for each loss more in a row: by two, as in a Gilbert model,
	// and by two more, since masks tell neighbours apart less well than strangers.
	burstVariance = 4
	// burstMemory is over how many bursts their length is smoothed.
	burstMemory = 32
)

// Protection decides how many repair packets a frame gets, which make up for lost ones before they are asked for. The zero value is
// ready.
type Protection struct {
	loss  float64 // smoothed
	burst float64 // smoothed length of losses in a row, less one
	row   int     // how many in a row were missed, up to last
	last  uint16
	on    bool
	seen  int     // frames since loss is observed, up to lossRise
	owed  float64 // repair packets, or parts of one, that the last frame was not given
}

// Observe takes the share of packets lost of late, 0 to 1, once each frame.
func (p *Protection) Observe(loss float64) {
	p.seen = min(p.seen+1, lossRise)
	memory := float64(lossMemory)
	if loss > clearlyMore*p.loss+clearlyMoreBy {
		memory = lossRise
	}
	p.loss += (loss - p.loss) / memory
	p.on = p.loss >= protectFrom || p.on && p.loss >= protectTo
}

// Missed tells of a packet, by its sequence number, that is asked for the first time. Losses in a row are counted when the row has
// ended.
func (p *Protection) Missed(sequence uint16) {
	if p.row > 0 && sequence == p.last+1 {
		p.row++
	} else {
		if p.row > 0 {
			p.burst += (float64(min(p.row, mostBurst)-1) - p.burst) / burstMemory
		}
		p.row = 1
	}
	p.last = sequence
}

// Protected is a frame that repair packets are wanted for.
type Protected struct {
	Packets  int
	Together int // with those of frames before it that its repair packets protect as well
	Keyframe bool
}

// Repairs is how many repair packets a frame gets.
//
// Of the packets that are protected together some are lost on average; with losses in a row their number varies more. Each frame pays
// its part for what is provided for, and what is less than a packet is owed to the next.
func (p *Protection) Repairs(f Protected, roundTrip time.Duration) int {
	loss := p.loss
	switch {
	case f.Packets <= 0:
		return 0
	case f.Keyframe && p.seen < lossRise:
		loss, roundTrip = max(loss, assumedLoss), max(roundTrip, assumedRoundTrip)
	case !p.on || roundTrip < protectRoundTrip:
		p.owed = 0
		return 0
	}
	together := float64(max(f.Together, f.Packets))
	deviations := min(float64(roundTrip)/float64(deviationsEvery), mostDeviations)
	if f.Keyframe {
		deviations += keyframeDeviations
	}
	mean := loss * together
	wanted := mean + deviations*math.Sqrt(mean*(1+burstVariance*p.burst)) + min(float64(roundTrip)/float64(spareFrom), 1)
	p.owed += float64(f.Packets) * min(wanted/together, 1./mostProtection)
	if f.Keyframe {
		p.owed = math.Ceil(p.owed)
	}
	repairs := int(p.owed)
	p.owed -= float64(repairs)
	return repairs
}
