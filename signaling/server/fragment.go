package server

import (
	"errors"
	"strings"

	"nearlight/signaling"
)

// fragment is a piece of a description that tells of ICE alone (RFC 8840 section 9).
type fragment struct {
	ufrag, pwd string
	candidates []signaling.Candidate // an empty one where the list ends
}

// maxFragmentLines is several times what maxCandidates take.
const maxFragmentLines = 512

// readFragment reads one. Everything in it that is not about ICE is ignored, as RFC 8840 asks for.
func readFragment(text string) (fragment, error) {
	var f fragment
	mid, section, lines := "", -1, 0
	for line := range strings.Lines(text) {
		if lines++; lines > maxFragmentLines {
			return f, errors.New("too many lines")
		}
		line = strings.TrimRight(line, "\r\n")
		key, value, _ := strings.Cut(line, ":")
		switch key {
		case "a=ice-ufrag":
			if f.ufrag != "" && f.ufrag != value {
				return f, errors.New("two user fragments")
			}
			f.ufrag = value
		case "a=ice-pwd":
			if f.pwd != "" && f.pwd != value {
				return f, errors.New("two passwords")
			}
			f.pwd = value
		case "a=mid":
			mid = value
		case "a=candidate":
			f.candidates = append(f.candidates, signaling.Candidate{Candidate: line[len("a="):], Mid: mid, Line: max(section, 0)})
		case "a=end-of-candidates":
			f.candidates = append(f.candidates, signaling.Candidate{Mid: mid, Line: max(section, 0)})
		default:
			if strings.HasPrefix(line, "m=") {
				section++
				mid = ""
			}
		}
	}
	if f.ufrag == "" || f.pwd == "" {
		return f, errors.New("it has no ice-ufrag or no ice-pwd")
	}
	for _, c := range f.candidates {
		c.Session = "s" // as it will have one
		if _, err := signaling.Encode(signaling.SignalingToEdge, c); err != nil {
			return f, err
		}
	}
	return f, nil
}

// restarts reports whether the fragment begins another ICE session than an offer's.
func (f fragment) restarts(offer string) bool {
	ufrag, pwd := iceOf(offer)
	return f.ufrag != ufrag || f.pwd != pwd
}

// iceOf is the user fragment and the password of a description, of its first section that has them: all are in one bundle.
func iceOf(description string) (ufrag, pwd string) {
	for line := range strings.Lines(description) {
		key, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		switch {
		case key == "a=ice-ufrag" && ufrag == "":
			ufrag = value
		case key == "a=ice-pwd" && pwd == "":
			pwd = value
		}
	}
	return ufrag, pwd
}

// into is an offer with the fragment's user, password and candidates in place of its own.
func (f fragment) into(offer string) string {
	var b strings.Builder
	sections := 0
	tell := func() {
		if sections != 1 {
			return
		}
		for _, c := range f.candidates {
			if c.Candidate != "" {
				b.WriteString("a=" + c.Candidate + "\r\n")
			}
		}
	}
	for line := range strings.Lines(offer) {
		key, _, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		switch {
		case key == "a=ice-ufrag":
			line = "a=ice-ufrag:" + f.ufrag + "\r\n"
		case key == "a=ice-pwd":
			line = "a=ice-pwd:" + f.pwd + "\r\n"
		case key == "a=candidate", key == "a=end-of-candidates":
			continue
		case strings.HasPrefix(line, "m="):
			tell()
			sections++
		}
		b.WriteString(line)
	}
	tell()
	return b.String()
}

// fragmentOf is what a description tells of ICE.
func fragmentOf(description string) string {
	var b strings.Builder
	ufrag, pwd := iceOf(description)
	b.WriteString("a=ice-ufrag:" + ufrag + "\r\na=ice-pwd:" + pwd + "\r\n")
	for line := range strings.Lines(description) {
		line = strings.TrimRight(line, "\r\n")
		key, _, _ := strings.Cut(line, ":")
		if strings.HasPrefix(line, "m=") || key == "a=mid" || key == "a=candidate" || key == "a=end-of-candidates" {
			b.WriteString(line + "\r\n")
		}
	}
	return b.String()
}
