package identity

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Endorsed is an endorsement as it travels: with the signature of the root that made it, which it does not name. Whoever trusts a root
// recovers the signer and compares.
type Endorsed struct {
	Endorsement
	Signature Signature
}

// Endorse signs an endorsement.
func Endorse(root Signer, e Endorsement) (Endorsed, error) {
	signature, err := root.Sign(e.Digest())
	if err != nil {
		return Endorsed{}, err
	}
	return Endorsed{e, signature}, nil
}

// Check fails unless the root has endorsed the edge, and still does at the given time.
func (e Endorsed) Check(root, edge Address, now time.Time) error {
	if e.Edge != edge {
		return fmt.Errorf("%w: the endorsement is of %s", ErrSignature, e.Edge)
	}
	if err := Verify(e.Digest(), e.Signature, root); err != nil {
		return err
	}
	return e.Current(now)
}

// MarshalText writes ADDRESS.SECONDS.SIGNATURE, on one line.
func (e Endorsed) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%s.%d.%s", e.Edge, e.ExpiresAt.Unix(), e.Signature), nil
}

// ParseEndorsed reads what MarshalText wrote. It does not check the signature.
func ParseEndorsed(text string) (Endorsed, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return Endorsed{}, fmt.Errorf("identity: an endorsement of %d parts, want 3", len(parts))
	}
	edge, err := ParseAddress(parts[0])
	if err != nil {
		return Endorsed{}, fmt.Errorf("identity: an endorsement: %w", err)
	}
	seconds, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || seconds < 0 || strconv.FormatInt(seconds, 10) != parts[1] {
		return Endorsed{}, fmt.Errorf("identity: an endorsement until %.32q, want seconds since 1970", parts[1])
	}
	signature, err := ParseSignature(parts[2])
	if err != nil {
		return Endorsed{}, fmt.Errorf("identity: an endorsement: %w", err)
	}
	return Endorsed{Endorsement{edge, time.Unix(seconds, 0)}, signature}, nil
}
