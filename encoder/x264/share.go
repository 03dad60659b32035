package x264

// x264 plans a frame so that its own error of prediction stays inside the frame's budget, and so leaves some 15 % of
// the rate unused. share asks for as much more as makes the average come out just below the budget.
type share struct{ gain float64 }

const (
	aim = 0.96 // of the budget, on average

	// Three tenths more at the most: what a frame may take beyond its share while content that was easy becomes hard.
	minGain, maxGain = 1.0, 1.3

	// How fast the gain follows, per frame: a few tenths of a second upwards, and much faster down, since what is too much
	// waits in the network while what is too little only blurs.
	rise, fall = 0.05, 0.1
)

// ask is what to tell x264 when a frame may have so many bits.
func (s *share) ask(bits int) int {
	s.gain = max(s.gain, minGain)
	return int(float64(bits) * s.gain)
}

// spent learns from a frame that was asked for by ask(bits) and took so many.
func (s *share) spent(bits, took int) {
	short := aim - float64(took)/float64(bits)
	step := rise
	if short < 0 {
		step = fall
	}
	s.gain = min(max(s.gain+step*short, minGain), maxGain)
}
