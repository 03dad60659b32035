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
	// protectRoundTrip is from which round trip on: within a shorter one a repeat comes as soon as the next frame or the one after it.
	protectRoundTrip = 30 * time.Millisecond
	// longRoundTrip is from which one on a repeat is so late that more is spent on not needing it.
	longRoundTrip = 60 * time.Millisecond
	// perLoss is how many repair packets there are for each packet that is lost on average, and perLossLong on a long way. Losses
	// are not spread evenly.
	perLoss     = 3
	perLossLong = 4
	// mostProtection is the most that is spent: one repair packet for so many others. Beyond, the next one mends less than it costs.
	mostProtection = 5
	// lossMemory is over how many frames loss is smoothed: some seconds.
	lossMemory = 180
)

// Protection decides how many repair packets a frame gets, which make up for lost ones before they are asked for. The zero value is
// ready.
type Protection struct {
	loss float64 // smoothed
	on   bool
}

// Observe takes the share of packets lost of late, 0 to 1, once each frame.
func (p *Protection) Observe(loss float64) {
	p.loss += (loss - p.loss) / lossMemory
	p.on = p.loss >= protectFrom || p.on && p.loss >= protectTo
}

// Repairs is how many repair packets a frame of so many packets gets.
func (p *Protection) Repairs(packets int, roundTrip time.Duration) int {
	if !p.on || roundTrip < protectRoundTrip || packets == 0 {
		return 0
	}
	each := perLoss
	if roundTrip >= longRoundTrip {
		each = perLossLong
	}
	return max(1, min(int(math.Ceil(float64(packets*each)*p.loss)), packets/mostProtection))
}
