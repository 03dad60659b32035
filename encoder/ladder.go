package encoder

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"nearlight/internal/media"
)

// Auto is the name that lets a Ladder choose.
const Auto = "auto"

// ErrNoneFits reports that no candidate could be opened; the message says for each one why.
var ErrNoneFits = errors.New("no encoder fits")

// Candidate is one driver on a Ladder.
type Candidate struct {
	Name  string // as in --encoder
	Codec media.Codec
	Open  func(Config) (Encoder, error)
}

// Ladder holds drivers in order of preference. It is read-only and safe for concurrent use.
type Ladder []Candidate

// Names lists the candidates in order of preference.
func (l Ladder) Names() []string {
	names := make([]string, len(l))
	for i, candidate := range l {
		names[i] = candidate.Name
	}
	return names
}

// Pick opens the first candidate that the player decodes and this machine has. name is Auto (or empty), or the one
// candidate that may be used. The error wraps ErrNoneFits and what each candidate said.
func (l Ladder) Pick(name string, decodes []media.Codec, config Config) (Encoder, error) {
	var reasons []error
	for _, candidate := range l {
		if name != "" && name != Auto && name != candidate.Name {
			continue
		}
		if !slices.Contains(decodes, candidate.Codec) {
			reasons = append(reasons, fmt.Errorf("%s: the player does not decode %s", candidate.Name, candidate.Codec))
			continue
		}
		opened, err := candidate.Open(config)
		if err == nil {
			return opened, nil
		}
		reasons = append(reasons, fmt.Errorf("%s: %w", candidate.Name, err))
	}
	if len(reasons) == 0 {
		return nil, fmt.Errorf("%w: there is no encoder named %q (want %s)", ErrNoneFits, name, strings.Join(append([]string{Auto}, l.Names()...), ", "))
	}
	return nil, &noneFits{reasons}
}

// noneFits keeps every candidate's reason for errors.Is, on one line.
type noneFits struct{ reasons []error }

func (e *noneFits) Error() string {
	texts := make([]string, len(e.reasons))
	for i, reason := range e.reasons {
		texts[i] = reason.Error()
	}
	return ErrNoneFits.Error() + ": " + strings.Join(texts, "; ")
}

func (e *noneFits) Unwrap() []error { return append([]error{ErrNoneFits}, e.reasons...) }
