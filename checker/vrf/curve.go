package vrf

import (
	"sync"

	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"
)

// The curve's arithmetic for a Verifier, on field elements alone and in a time that depends on the numbers, which are public. Of the forms of a point
// in Hisil, Wong, Carter and Dawson, "Twisted Edwards Curves Revisited" (2008): their sums are right for any two points, those of small order among them.

// projective is x = X/Z, y = Y/Z.
type projective struct{ x, y, z field.Element }

// extended has T = XY/Z besides.
type extended struct {
	projective
	t field.Element
}

// completed is x = X/Z, y = Y/T: what a sum gives before it is multiplied out.
type completed struct{ x, y, z, t field.Element }

// addend is a point that is added more than once: Y + X, Y - X, 2dT and 2Z.
type addend struct{ sum, difference, t2d, z2 field.Element }

// affine is an addend whose Z is 1.
type affine struct{ sum, difference, t2d field.Element }

var identity = extended{projective: projective{y: *new(field.Element).One(), z: *new(field.Element).One()}}

// twiceD is 2d, where d is -121665/121666 (RFC 8032 section 5.1).
var twiceD = func() *field.Element {
	one := new(field.Element).One()
	d := new(field.Element).Invert(new(field.Element).Mult32(one, 121666))
	d.Negate(d.Mult32(d, 121665))
	return d.Add(d, d)
}()

func extendedOf(p *edwards25519.Point) (e extended) {
	x, y, z, t := p.ExtendedCoordinates()
	e.x, e.y, e.z, e.t = *x, *y, *z, *t
	return e
}

func (p *projective) from(c *completed) {
	p.x.Multiply(&c.x, &c.t)
	p.y.Multiply(&c.y, &c.z)
	p.z.Multiply(&c.z, &c.t)
}

func (p *extended) from(c *completed) {
	p.projective.from(c)
	p.t.Multiply(&c.x, &c.y)
}

func (c *completed) double(p *projective) {
	var square field.Element
	c.z.Square(&p.x)
	c.t.Square(&p.y)
	square.Square(&p.z)
	c.x.Add(&p.x, &p.y)
	c.x.Square(&c.x)
	c.y.Add(&c.t, &c.z)
	c.z.Subtract(&c.t, &c.z)
	c.x.Subtract(&c.x, &c.y)
	square.Add(&square, &square)
	c.t.Subtract(&square, &c.z)
}

// add adds q, or takes it away where negative is set.
func (c *completed) add(p *extended, q *addend, negative bool) {
	var z field.Element
	z.Multiply(&p.z, &q.z2)
	c.combine(p, &q.sum, &q.difference, &q.t2d, &z, negative)
}

func (c *completed) addAffine(p *extended, q *affine, negative bool) {
	var z field.Element
	z.Add(&p.z, &p.z)
	c.combine(p, &q.sum, &q.difference, &q.t2d, &z, negative)
}

func (c *completed) combine(p *extended, sum, difference, t2d, z2 *field.Element, negative bool) {
	if negative {
		sum, difference = difference, sum
	}
	var a, b, t field.Element
	a.Subtract(&p.y, &p.x)
	a.Multiply(&a, difference)
	b.Add(&p.y, &p.x)
	b.Multiply(&b, sum)
	t.Multiply(&p.t, t2d)
	c.x.Subtract(&b, &a)
	c.y.Add(&b, &a)
	if negative {
		c.z.Subtract(z2, &t)
		c.t.Add(z2, &t)
	} else {
		c.z.Add(z2, &t)
		c.t.Subtract(z2, &t)
	}
}

func (q *addend) of(p *extended) {
	q.sum.Add(&p.y, &p.x)
	q.difference.Subtract(&p.y, &p.x)
	q.t2d.Multiply(&p.t, twiceD)
	q.z2.Add(&p.z, &p.z)
}

// plus is p + q.
func (p *extended) plus(q *extended) (sum extended) {
	var c completed
	var a addend
	a.of(q)
	c.add(p, &a, false)
	sum.from(&c)
	return sum
}

// doubled is 2^n times p, where n is 1 at the least.
func (p *extended) doubled(n int) (result extended) {
	var c completed
	at := p.projective
	for range n - 1 {
		c.double(&at)
		at.from(&c)
	}
	c.double(&at)
	result.from(&c)
	return result
}

// inverses are of all elements, none of which may be 0, with one inversion (Montgomery's trick): one takes as long as an eighth of a multiplication of a point.
func inverses(elements []field.Element) []field.Element {
	inverted := make([]field.Element, len(elements)) // first the product of those before
	product := new(field.Element).One()
	for i := range elements {
		inverted[i] = *product
		product.Multiply(product, &elements[i])
	}
	inverse := product.Invert(product) // of the product of those up to this one
	for i := len(elements) - 1; i >= 0; i-- {
		inverted[i].Multiply(&inverted[i], inverse)
		inverse.Multiply(inverse, &elements[i])
	}
	return inverted
}

// encode writes points as RFC 8032 section 5.1.2 does.
func encode(points []projective) [][32]byte {
	z := make([]field.Element, len(points))
	for i := range points {
		z[i] = points[i].z
	}
	written := make([][32]byte, len(points))
	for i, inverse := range inverses(z) {
		x := new(field.Element).Multiply(&points[i].x, &inverse)
		y := inverse.Multiply(&points[i].y, &inverse)
		written[i] = encodeAffine(x, y)
	}
	return written
}

// spacing is how far the bits of a scalar lie apart that a comb takes together, and so how often it doubles.
const spacing = 32

// comb multiplies one point quickly (Lim and Lee, "More Flexible Exponentiation with Precomputation", 1994): at each number it has the sum of
// those 2^(32i) times the point whose bit i is set in the number. The first, of none, is not used.
type comb []affine

// newComb makes the comb for scalars below 2^(32 teeth).
func newComb(p extended, teeth int) comb {
	sums := make([]extended, 1<<teeth)
	sums[0] = identity
	for tooth := range teeth {
		if tooth > 0 {
			p = p.doubled(spacing)
		}
		for i := range 1 << tooth {
			sums[1<<tooth+i] = sums[i].plus(&p)
		}
	}
	z := make([]field.Element, len(sums))
	for i := range sums {
		z[i] = sums[i].z
	}
	table := make(comb, len(sums))
	for i, inverse := range inverses(z) {
		x := new(field.Element).Multiply(&sums[i].x, &inverse)
		y := inverse.Multiply(&sums[i].y, &inverse)
		table[i].sum.Add(y, x)
		table[i].difference.Subtract(y, x)
		table[i].t2d.Multiply(x, y)
		table[i].t2d.Multiply(&table[i].t2d, twiceD)
	}
	return table
}

// at are the bits of a scalar, in octets from the least on, that the comb takes together.
func (t comb) at(scalar []byte, bit int) *affine {
	number := 0
	for tooth := 0; spacing/8*tooth < len(scalar); tooth++ {
		number |= int(scalar[spacing/8*tooth+bit/8]>>(bit%8)&1) << tooth
	}
	if number == 0 {
		return nil
	}
	return &t[number]
}

// base is the generator's comb.
var base = sync.OnceValue(func() comb { return newComb(extendedOf(edwards25519.NewGeneratorPoint()), 8) })

// baseLess is s times the generator less c times the comb's point; s has 32 octets, c 16.
func (t comb) baseLess(s, c []byte) projective {
	var at completed
	sum := identity
	generator := base()
	for bit := spacing - 1; bit >= 0; bit-- {
		if bit < spacing-1 {
			at.double(&sum.projective)
			sum.from(&at)
		}
		if one := generator.at(s, bit); one != nil {
			at.addAffine(&sum, one, false)
			sum.from(&at)
		}
		if one := t.at(c, bit); one != nil {
			at.addAffine(&sum, one, true)
			sum.from(&at)
		}
	}
	return sum.projective
}

// Non-adjacent forms have digits that are odd, below 2^(window-1), or 0.
const (
	window = 5
	odds   = 1 << (window - 2) // how many odd multiples that takes
)

// nonAdjacent writes a scalar below 2^255, in octets from the least on, in digits of which each but few are 0: after one that is not, window - 1 are.
func nonAdjacent(scalar []byte) (digits [256]int8, length int) {
	bits := func(from int) (n int) {
		for i := window - 1; i >= 0; i-- {
			n <<= 1
			if at := from + i; at/8 < len(scalar) {
				n |= int(scalar[at/8] >> (at % 8) & 1)
			}
		}
		return n
	}
	carry := 0
	for i := 0; i < len(digits); {
		n := bits(i) + carry
		if n&1 == 0 {
			i++
			continue
		}
		if carry = 0; n >= 1<<(window-1) {
			n, carry = n-1<<window, 1
		}
		digits[i], length = int8(n), i+1
		i += window
	}
	return digits, length
}

// multiples are 1, 3, 5 ... times a point.
func multiples(p *extended) (table [odds]addend) {
	twice := p.doubled(1)
	at := *p
	table[0].of(&at)
	for i := 1; i < odds; i++ {
		at = twice.plus(&at)
		table[i].of(&at)
	}
	return table
}

// less is s times p less c times q.
func less(s []byte, p *extended, c []byte, q *extended) projective {
	first, n := nonAdjacent(s)
	second, m := nonAdjacent(c)
	ofP, ofQ := multiples(p), multiples(q)
	sum := identity
	var at completed
	for i := max(n, m) - 1; i >= 0; i-- {
		at.double(&sum.projective)
		if digit := first[i]; digit != 0 {
			sum.from(&at)
			at.add(&sum, &ofP[max(digit, -digit)/2], digit < 0)
		}
		if digit := second[i]; digit != 0 {
			sum.from(&at)
			at.add(&sum, &ofQ[max(digit, -digit)/2], digit > 0)
		}
		sum.projective.from(&at)
	}
	return sum.projective
}
