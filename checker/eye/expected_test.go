package eye

import (
	"errors"
	"testing"
	"time"

	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/signalingtest"
)

func TestAnEdgeIsKnownThoughTheTokenDemandsNothing(t *testing.T) {
	e, _ := newScripted(t)
	var raw string
	raw, e.claims = issue(t)
	v := visit(t, serve(t, e.play), raw)
	v.Edge = e.key.Address()
	sight, err := Look(t.Context(), v)
	if err != nil || sight.Edge != e.key.Address() || sight.Latency.Frames == 0 {
		t.Errorf("%v, after %+v", err, sight)
	}
}

func TestAnotherEdgeThanTheOneThatWasMeantIsNotLookedAt(t *testing.T) {
	e, _ := newScripted(t)
	var raw string
	raw, e.claims = issue(t)
	v := visit(t, serve(t, e.play), raw)
	v.Edge = identity.Address{1}
	if sight, err := Look(t.Context(), v); !errors.Is(err, ErrTrouble) || !errors.Is(err, errElse) || sight.Latency.Frames > 0 {
		t.Errorf("%v, after %+v", err, sight)
	}
}

func TestAnEdgeThatDoesNotSignItsOfferHasNotServed(t *testing.T) {
	raw, _ := issue(t)
	edge := identity.Address{1}
	v := visit(t, serve(t, func(l *signalingtest.Line, _ signaling.Play) {
		l.Say(signaling.Matched{Session: "s-1", Edge: signaling.EdgeName{ID: signaling.EdgeID(edge.String()), Name: "double"}})
		l.Say(signaling.Offer{SDP: "v=0\r\n", Edge: &signaling.EdgeKey{Address: edge.String()}})
	}), raw)
	v.Edge, v.Length = edge, time.Second
	if _, err := Look(t.Context(), v); !errors.Is(err, ErrUnserved) || !errors.Is(err, &signaling.Error{Code: signaling.CodeUnproven}) {
		t.Error(err)
	}
}
