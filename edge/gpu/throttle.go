package gpu

// Throttle is the set of reasons for which a card runs slower than it could; NVML calls them clocks-event reasons.
type Throttle uint16

// Reasons, each with what NVML says of it (nvml.h, nvmlClocksEventReasons).
const (
	Idle          Throttle = 1 << iota // nothing runs: normal
	FixedClocks                        // somebody set the clocks
	PowerCap                           // the driver keeps the card within its power limit
	HardSlowdown                       // the card itself slows down: heat, power, or an external signal; also for moments between clock steps
	SyncBoost                          // held to the clocks of the slowest card of its group
	ThermalCap                         // the driver keeps the card within its temperature limit
	HardThermal                        // too hot: the card halves its clocks, or worse
	PowerBrake                         // the power supply asks for less, by a signal of its own
	DisplayClocks                      // held to the clocks of its display
)

// Reasons by what they ask of the card's owner.
const (
	heat    = ThermalCap | HardThermal
	power   = PowerCap | PowerBrake
	slowing = heat | power | HardSlowdown
)

var throttleWords = []struct {
	reason Throttle
	words  string
}{
	{Idle, "idle"},
	{FixedClocks, "clocks set by its owner"},
	{PowerCap, "power limit"},
	{HardSlowdown, "held back by the card itself"},
	{SyncBoost, "held to the slowest card of its group"},
	{ThermalCap, "temperature limit"},
	{HardThermal, "too hot"},
	{PowerBrake, "power supply asks for less"},
	{DisplayClocks, "held to its display's clocks"},
}

// Words names each reason, for people.
func (t Throttle) Words() []string {
	var words []string
	for _, w := range throttleWords {
		if t&w.reason != 0 {
			words = append(words, w.words)
		}
	}
	return words
}

// Slowing reports whether the card gives less than it could: idle cards, and those whose owner chose their clocks, do not count.
func (t Throttle) Slowing() bool { return t&slowing != 0 }

// Heat reports whether the card is too hot.
func (t Throttle) Heat() bool { return t&heat != 0 }

// PowerShort reports whether the card gets less power than it would use.
func (t Throttle) PowerShort() bool { return t&power != 0 }
