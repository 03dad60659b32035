package signaling

import "math"

// Traits are what an edge says of itself that matching asks for, besides codecs and apps.
type Traits struct {
	Price    uint64    `json:"price,omitempty"`    // of a second, in the payment token's smallest unit
	Regions  []string  `json:"regions,omitempty"`  // that it lies in, such as "de" and "eu"
	Place    *Place    `json:"place,omitempty"`    // nil: signaling may know by the address
	Pictures []Picture `json:"pictures,omitempty"` // that it was quick enough for when it tried
}

// Place is where an edge is, by its owner's word: degrees north and east.
type Place struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	Radius    float64 `json:"radius,omitempty"` // kilometres by which it may be wrong
}

// Picture is a size and a rate that an edge has seen its encoders keep up with, in one codec.
type Picture struct {
	Codec     string `json:"codec"`
	Size      Size   `json:"size"`
	FrameRate int    `json:"frameRate"` // frames per second
}

const (
	maxRegions   = 16
	maxRegion    = 32
	maxPrice     = 1<<53 - 1
	maxRadius    = 20_038 // half of the Earth's circumference
	maxPictures  = 32
	maxFrameRate = 1000
)

// Check refuses traits that no message may carry.
func (t Traits) Check() error {
	var c checks
	t.check(&c)
	return c.err
}

func (t Traits) check(c *checks) {
	if t.Price > maxPrice {
		c.fail("price is %d, want 0 to %d", t.Price, uint64(maxPrice))
	}
	c.regions(t.Regions)
	if t.Place != nil {
		t.Place.check(c)
	}
	c.pictures(t.Pictures)
}

func (p Place) check(c *checks) {
	if !(math.Abs(p.Latitude) <= 90 && math.Abs(p.Longitude) <= 180) { // or no numbers
		c.fail("the place %v, %v is not on the Earth: want a latitude from -90 to 90 and a longitude from -180 to 180", p.Latitude, p.Longitude)
	}
	if !(p.Radius >= 0 && p.Radius <= maxRadius) {
		c.fail("the place's radius is %v km, want 0 to %d", p.Radius, maxRadius)
	}
}

func (c *checks) pictures(pictures []Picture) {
	c.between("number of pictures", len(pictures), 0, maxPictures)
	for _, p := range pictures {
		c.made("codec", p.Codec, maxCodecName, isLowerOrDigit)
		c.size(&p.Size)
		c.between("frame rate", p.FrameRate, 1, maxFrameRate)
	}
}

// regions wants names such as "de" and "eu".
func (c *checks) regions(regions []string) {
	c.between("number of regions", len(regions), 0, maxRegions)
	for _, region := range regions {
		c.made("region", region, maxRegion, func(b byte) bool { return isLowerOrDigit(b) || b == '-' })
	}
}
