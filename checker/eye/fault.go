package eye

import (
	"errors"
	"fmt"

	"nearlight/signaling"
	"nearlight/streamer/viewer"
)

// What a Look comes to when it does not come to its end. A *signaling.Error is in the chain where signaling gave one as the reason.
var (
	// ErrUnserved: the edge did not serve. It is not there, has refused, its app failed, no picture came, or the connection ended too soon. That is a finding.
	ErrUnserved = errors.New("eye: the edge did not serve")
	// ErrTaken: there was no room. No finding.
	ErrTaken = errors.New("eye: all slots are taken")
	// ErrTrouble: it was not the edge. Signaling cannot be reached or does not want us, or something here failed. No finding.
	ErrTrouble = errors.New("eye: the checker's own trouble")
)

func unserved(cause error) error { return fmt.Errorf("%w: %w", ErrUnserved, cause) }

func taken(cause error) error { return fmt.Errorf("%w: %w", ErrTaken, cause) }

func trouble(cause error) error { return fmt.Errorf("%w: %w", ErrTrouble, cause) }

// stage is how far a session has come in what signaling has said of it.
//
//	asked --Matched--> matched --Offer--> offered --Ended--> over
type stage int

const (
	asked stage = iota
	matched
	offered
	over // signaling was told the end by the edge, or has found it gone
)

// refused says what signaling's client has returned comes to.
func refused(err error, at stage) error {
	var reason *signaling.Error
	if !errors.As(err, &reason) {
		return trouble(err)
	}
	switch {
	case at == over: // in whose words it may be
		if reason.Code == signaling.CodeReplaced || reason.Code == signaling.CodeLeft {
			return trouble(err)
		}
		return unserved(err)
	case at == offered: // signaling itself ends our connection to it
		return trouble(err)
	case reason.Code == signaling.CodeShuttingDown: // either of the two: it is the same word
		return trouble(err)
	case at == matched: // the edge has thought better of it
		return unserved(err)
	}
	switch reason.Code {
	case signaling.CodeFull, signaling.CodeNotAccepting:
		return taken(err)
	case signaling.CodeNoEdge, signaling.CodeUnknownApp, signaling.CodeNotInstalled, signaling.CodeAppFailed, signaling.CodeAppExited,
		signaling.CodeEdgeGone, signaling.CodeDegraded, signaling.CodeEdgeRefused, signaling.CodeUnproven:
		return unserved(err)
	}
	return trouble(err)
}

// broken says what the viewer has returned comes to: what it was sent, unless it was a decoder that does not open.
func broken(err error) error {
	if errors.Is(err, viewer.ErrDecoder) {
		return trouble(err)
	}
	return unserved(err)
}
