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
	// Version is the library's: what was measured of another one says nothing of it. Empty where there is no library.
	Version string
	Open    func(Config) (Encoder, error)
}

// Ladder holds drivers in order of preference. It is read-only and safe for concurrent use.
type Ladder []Candidate

// Refusal says why a candidate is not used. It reads as one line: "nvenc: no NVIDIA driver".
type Refusal struct {
	Name   string
	Reason error
}

func (r Refusal) Error() string {
	reason := r.Reason.Error()
	if strings.HasPrefix(reason, r.Name+": ") { // most drivers begin so themselves
		return reason
	}
	return r.Name + ": " + reason
}

// Unwrap returns the reason.
func (r Refusal) Unwrap() error { return r.Reason }

// Choice is an encoder that was picked.
type Choice struct {
	Candidate
	Encoder Encoder
	Config  Config // that it was opened with
	// Refused are those that stand higher on the ladder, each with its reason.
	Refused []Refusal
	// Rest are the candidates below this one that the player decodes: who takes its place if it fails.
	Rest Ladder
}

// Instead says in one line why none that stands higher was picked: "nvenc: no NVIDIA driver". It is empty where none does.
func (c *Choice) Instead() string { return lines(c.Refused) }

// Names lists the candidates in order of preference.
func (l Ladder) Names() []string {
	names := make([]string, len(l))
	for i, candidate := range l {
		names[i] = candidate.Name
	}
	return names
}

// Only returns the candidates that may be used: all of them for Auto or an empty text, or those that the text names, in its
// order: "nvenc,x264". The error wraps ErrNoneFits and names what is not on the ladder.
func (l Ladder) Only(names string) (Ladder, error) {
	if names == "" || names == Auto {
		return l, nil
	}
	var only Ladder
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(l, func(c Candidate) bool { return c.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("%w: there is no encoder named %q (want %s)", ErrNoneFits, name, strings.Join(append([]string{Auto}, l.Names()...), ", "))
		}
		if !slices.ContainsFunc(only, func(c Candidate) bool { return c.Name == name }) {
			only = append(only, l[i])
		}
	}
	return only, nil
}

// Codecs lists what the candidates encode, each codec once, in order of preference.
func (l Ladder) Codecs() []media.Codec {
	var codecs []media.Codec
	for _, candidate := range l {
		if !slices.Contains(codecs, candidate.Codec) {
			codecs = append(codecs, candidate.Codec)
		}
	}
	return codecs
}

// Pick opens the first candidate that the player decodes and this machine has, with the best preset that is known to cost next to no
// time (config.Speed does not count), and with config.Recovery where it has that; those known to be too slow for the frame rate come after all others. The error wraps
// ErrNoneFits and what each candidate said.
func (l Ladder) Pick(decodes []media.Codec, known Timings, config Config) (*Choice, error) {
	var fitting Ladder
	var refused []Refusal
	for _, candidate := range l {
		if !slices.Contains(decodes, candidate.Codec) {
			refused = append(refused, Refusal{candidate.Name, fmt.Errorf("the player does not decode %s", candidate.Codec)})
			continue
		}
		fitting = append(fitting, candidate)
	}
	fitting, slow := known.sort(fitting, config.FrameRate)
	for i, candidate := range fitting {
		config.Speed = known.speed(candidate.Name, config.FrameRate)
		opened, as, err := candidate.OpenMending(config)
		if err == nil {
			return &Choice{Candidate: candidate, Encoder: opened, Config: as, Refused: l.above(candidate, append(refused, slow...)), Rest: fitting[i+1:]}, nil
		}
		refused = append(refused, Refusal{candidate.Name, err})
	}
	return nil, &noneFits{refused}
}

// above returns the refusals of candidates that stand higher than the one chosen, in the ladder's order.
func (l Ladder) above(chosen Candidate, refused []Refusal) []Refusal {
	var higher []Refusal
	for _, candidate := range l {
		if candidate.Name == chosen.Name {
			break
		}
		if i := slices.IndexFunc(refused, func(r Refusal) bool { return r.Name == candidate.Name }); i >= 0 {
			higher = append(higher, refused[i])
		}
	}
	return higher
}

func lines(refused []Refusal) string {
	texts := make([]string, len(refused))
	for i, r := range refused {
		texts[i] = r.Error()
	}
	return strings.Join(texts, "; ")
}

// noneFits keeps every candidate's reason for errors.Is, on one line.
type noneFits struct{ refused []Refusal }

func (e *noneFits) Error() string { return ErrNoneFits.Error() + ": " + lines(e.refused) }

func (e *noneFits) Unwrap() []error {
	errs := []error{ErrNoneFits}
	for _, r := range e.refused {
		errs = append(errs, r)
	}
	return errs
}
