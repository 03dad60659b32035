package eye

import (
	"errors"
	"testing"

	"nearlight/signaling"
	"nearlight/streamer/viewer"
)

func TestEveryReasonIsOneOfThreeThings(t *testing.T) {
	kinds := []error{ErrUnserved, ErrTaken, ErrTrouble}
	for _, code := range append(signaling.Codes(), "of-tomorrow") {
		for at := asked; at <= over; at++ {
			err := refused(signaling.NewError(code), at)
			of := 0
			for _, kind := range kinds {
				if errors.Is(err, kind) {
					of++
				}
			}
			if of != 1 || !errors.Is(err, &signaling.Error{Code: code}) {
				t.Errorf("%s at stage %d: %v", code, at, err)
			}
			if at == over && errors.Is(err, ErrTaken) {
				t.Errorf("%s: an edge that has begun is full", code)
			}
		}
	}
	if err := refused(errors.New("no route"), over); !errors.Is(err, ErrTrouble) {
		t.Error(err)
	}
}

func TestADecoderThatDoesNotOpenIsNotTheEdgesFault(t *testing.T) {
	if err := broken(errors.Join(errors.New("later"), viewer.ErrDecoder)); !errors.Is(err, ErrTrouble) {
		t.Error(err)
	}
	if err := broken(viewer.ErrEnded); !errors.Is(err, ErrUnserved) || !errors.Is(err, viewer.ErrEnded) {
		t.Error(err)
	}
}
