package tells

import (
	"fmt"
	"regexp"
	"strings"
)

// What is chosen by chance in a description, and its form.
var chances = []struct {
	of   *regexp.Regexp
	form func(match []string) string
}{
	{regexp.MustCompile(`^(o=)(\S+) (\d+) (\d+) (.*)$`), func(m []string) string {
		return fmt.Sprintf("o=%s DIGITS%d %s %s", word(m[2]), min(len(m[3]), 18), m[4], m[5])
	}},
	{regexp.MustCompile(`^a=(ice-ufrag|ice-pwd):(.*)$`), func(m []string) string { return fmt.Sprintf("a=%s:%d characters", m[1], len(m[2])) }},
	{regexp.MustCompile(`^a=fingerprint:(\S+) .*$`), func(m []string) string { return "a=fingerprint:" + m[1] }},
	{regexp.MustCompile(`^a=(ssrc(?:-group)?):.*$`), func(m []string) string { return "a=" + m[1] }},
	{regexp.MustCompile(`^a=msid(-semantic)?:(.*)$`), func(m []string) string { return "a=msid" + m[1] + ":" + fmt.Sprint(len(strings.Fields(m[2]))) }},
	{regexp.MustCompile(`^a=candidate:(.*)$`), func(m []string) string { return "a=candidate:" + candidateForm(m[0][2:]) }},
}

func word(s string) string {
	if s == "-" {
		return s
	}
	return "WORD"
}

// Form is a description with what is chosen by chance left out.
func Form(description string) []string {
	var lines []string
	for line := range strings.Lines(description) {
		line = strings.TrimRight(line, "\r\n")
		for _, c := range chances {
			if m := c.of.FindStringSubmatch(line); m != nil {
				line = c.form(m)
				break
			}
		}
		lines = append(lines, line)
	}
	return lines
}

func (f Features) description(answer string) {
	lines := Form(answer)
	f.number(SDP, "lines", float64(len(lines)))
	section := ""
	before := ""
	for _, line := range lines {
		if strings.HasPrefix(line, "m=") {
			section = strings.Fields(line)[0] + " "
		}
		f.number(SDP, section+line, 1)
		f.number(SDP, fmt.Sprintf("%s%s, then %s", section, kindOf(before), kindOf(line)), 1)
		before = line
	}
}

// kindOf is what a line is about.
func kindOf(line string) string {
	kind, _, _ := strings.Cut(line, ":")
	if len(kind) > 1 && kind[0] != 'a' {
		return kind[:2]
	}
	return kind
}

// candidateForm is a candidate without what names a machine.
func candidateForm(line string) string {
	fields := strings.Fields(strings.TrimPrefix(line, "candidate:"))
	if len(fields) < 8 {
		return "none"
	}
	host := "address"
	switch {
	case strings.HasSuffix(fields[4], ".local"):
		host = "name"
	case strings.HasPrefix(fields[4], "127.") || fields[4] == "::1":
		host = "loopback"
	case strings.Contains(fields[4], ":"):
		host = "address of IPv6"
	}
	further := ""
	for i := 8; i < len(fields); i += 2 {
		further += " " + fields[i]
	}
	return fmt.Sprintf("foundation of %d, %s %s %s%s", len(fields[0]), fields[2], host, fields[7], further)
}
