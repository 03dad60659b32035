package match

// Nearest looks at the way to the edge alone.
type Nearest struct{}

var _ Policy = Nearest{}

// Name is "nearest".
func (Nearest) Name() string { return "nearest" }

// Terms has those of the way.
func (Nearest) Terms(list []Term, c *Measured, _ Scale) []Term { return linkTerms(list, c) }
