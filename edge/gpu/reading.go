package gpu

// Reading is a figure that a card may not have. The zero value is an absent one.
type Reading[T any] struct {
	value   T
	present bool
}

// Known is a reading that is there.
func Known[T any](value T) Reading[T] { return Reading[T]{value, true} }

// Value returns the figure, and whether there is one.
func (r Reading[T]) Value() (T, bool) { return r.value, r.present }

// Or returns the figure, or fallback where there is none.
func (r Reading[T]) Or(fallback T) T {
	if !r.present {
		return fallback
	}
	return r.value
}

// convert carries a reading into another unit; an absent one stays absent.
func convert[From, To any](r Reading[From], to func(From) To) Reading[To] {
	if !r.present {
		return Reading[To]{}
	}
	return Known(to(r.value))
}
