package lease

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"nearlight/internal/identity"
	"nearlight/signaling"
)

func newKey(t testing.TB) *identity.Key {
	t.Helper()
	key, err := identity.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// signed is a lease of an edge, after a change.
func signed(t testing.TB, by *identity.Key, change func(*signaling.Lease)) signaling.Lease {
	t.Helper()
	l := signaling.Lease{Slot: 1, Epoch: 2, Session: "s-1", Token: "t-1", Player: identity.Address{19: 1}.String(), ExpiresAt: 4}
	if change != nil {
		change(&l)
	}
	l, err := Sign(by, l)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestASignatureIsForOneLeaseByOneEdge(t *testing.T) {
	key, other := newKey(t), newKey(t)
	good := signed(t, key, nil)
	if err := Verify(good, key.Address()); err != nil {
		t.Error(err)
	}
	if err := Verify(good, other.Address()); !errors.Is(err, ErrSignature) {
		t.Error("of another edge:", err)
	}
	value := reflect.ValueOf(&good).Elem()
	for i := range value.NumField() {
		changed := good
		switch field := reflect.ValueOf(&changed).Elem().Field(i); {
		case value.Type().Field(i).Name == "Edge", value.Type().Field(i).Name == "Player":
			field.SetString(other.Address().String())
		case field.Kind() == reflect.String:
			field.SetString(field.String() + "x")
		case field.CanInt():
			field.SetInt(field.Int() + 1)
		default:
			field.SetUint(field.Uint() + 1)
		}
		if err := Verify(changed, key.Address()); !errors.Is(err, ErrSignature) {
			t.Errorf("with another %s: %v", value.Type().Field(i).Name, err)
		}
	}
	for why, change := range map[string]func(*signaling.Lease){
		"an edge that is none":         func(l *signaling.Lease) { l.Edge = "e-1" },
		"an address without checksum":  func(l *signaling.Lease) { l.Edge = signaling.EdgeID(strings.ToLower(string(l.Edge))) },
		"a player that is none":        func(l *signaling.Lease) { l.Player = "p" },
		"nobody as player":             func(l *signaling.Lease) { l.Player = identity.Address{}.String() },
		"no player":                    func(l *signaling.Lease) { l.Player = "" },
		"no signature":                 func(l *signaling.Lease) { l.Signature = "" },
		"a slot below all":             func(l *signaling.Lease) { l.Slot = -1 },
		"a slot that wraps":            func(l *signaling.Lease) { l.Slot += 1 << 32 },
		"a signature of another form":  func(l *signaling.Lease) { l.Signature = strings.ToUpper(l.Signature) },
		"a signature with another end": func(l *signaling.Lease) { l.Signature = l.Signature[:len(l.Signature)-2] + "1d" },
	} {
		changed := good
		change(&changed)
		if err := Verify(changed, key.Address()); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", why, err)
		}
	}
}

func TestTwoLeasesOfOneEpochProveThatItWasGivenAwayTwice(t *testing.T) {
	key, other := newKey(t), newKey(t)
	first := signed(t, key, nil)
	for _, step := range []struct {
		why  string
		with signaling.Lease
		err  error
	}{
		{"another session", signed(t, key, func(l *signaling.Lease) { l.Session = "s-2" }), nil},
		{"another token", signed(t, key, func(l *signaling.Lease) { l.Token = "t-2" }), nil},
		{"another player", signed(t, key, func(l *signaling.Lease) { l.Player = "" }), nil},
		{"another end", signed(t, key, func(l *signaling.Lease) { l.ExpiresAt++ }), nil},
		{"the same", first, ErrNoProof},
		{"the next epoch", signed(t, key, func(l *signaling.Lease) { l.Epoch++; l.Session = "s-2" }), ErrNoProof},
		{"another slot", signed(t, key, func(l *signaling.Lease) { l.Slot++; l.Session = "s-2" }), ErrNoProof},
		{"another edge's", signed(t, other, func(l *signaling.Lease) { l.Session = "s-2" }), ErrNoProof},
		{"one that nobody has signed", func() signaling.Lease { l := first; l.Session = "s-2"; return l }(), ErrSignature},
		{"one that another has signed", func() signaling.Lease {
			l := signed(t, other, func(l *signaling.Lease) { l.Session = "s-2" })
			l.Edge = first.Edge
			return l
		}(), ErrSignature},
	} {
		for _, pair := range [][2]signaling.Lease{{first, step.with}, {step.with, first}} {
			edge, err := Doubled(pair[0], pair[1])
			if !errors.Is(err, step.err) || err == nil && edge != key.Address() || err != nil && !edge.IsZero() {
				t.Errorf("%s: %s, %v", step.why, edge, err)
			}
		}
	}
}

func TestALogIsOfTheEdgeThatHasSignedIt(t *testing.T) {
	key, other := newKey(t), newKey(t)
	grant := GrantOf(signed(t, key, nil), 5)
	edge := signaling.EdgeID(key.Address().String())
	if got := grant.Lease(edge); got != signed(t, key, nil) {
		t.Errorf("%+v", got)
	}
	start := Record{Event: Started, Edge: string(edge)}
	if err := AuditSigned([]Record{start, grant}, key.Address()); err != nil {
		t.Error(err)
	}
	forged, unsigned := GrantOf(signed(t, other, nil), 5), grant
	unsigned.Signature = ""
	changed := grant
	changed.Epoch++
	for why, records := range map[string][]Record{"by another": {start, forged}, "by nobody": {start, unsigned}, "of another epoch": {start, changed}} {
		if err := AuditSigned(records, key.Address()); !errors.Is(err, ErrSignature) {
			t.Errorf("%s: %v", why, err)
		}
	}
	if err := AuditSigned([]Record{start, grant, grant}, key.Address()); err == nil || errors.Is(err, ErrSignature) {
		t.Error("twice:", err)
	}
}

func BenchmarkVerify(b *testing.B) {
	key := newKey(b)
	l := signed(b, key, nil)
	for b.Loop() {
		if err := Verify(l, key.Address()); err != nil {
			b.Fatal(err)
		}
	}
}
