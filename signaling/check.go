package signaling

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of a message's parts, in octets where nothing else is said. The package comment lists them for readers of the wire.
const (
	maxToken       = 4096
	maxID          = 64
	maxAppName     = 64
	maxSDP         = 48 << 10 // leaves room in MaxMessage for the escapes of its line ends
	maxCandidate   = 1024
	maxMid         = 64
	maxLineIndex   = 255
	maxCodecs      = 16
	maxCodecName   = 16
	minSide        = 16 // as media.Size.Check has it
	maxSide        = 4096
	maxName        = 64
	maxSlots       = 64
	maxApps        = 64
	maxTitle       = 128
	maxSummary     = 512
	maxPackage     = 128
	maxKeys        = 32
	maxKeyNames    = 64
	maxKeyDoes     = 128
	maxSessions    = 64
	maxDetail      = 256
	maxOutputLines = 50
	maxOutputLine  = 512
	maxCode        = 32
	maxMessageText = 512
	maxHint        = 512
	maxICEServers  = 8
	maxICEURLs     = 8
	maxICEURL      = 256
	maxICESecret   = 512
	maxQueue       = 1_000_000
	maxEstimate    = 86_400
	maxMedia       = 16
)

// Cut returns text as valid UTF-8 of at most max octets, cut between characters.
func Cut(text string, max int) string {
	text = strings.ToValidUTF8(text, string(utf8.RuneError))
	if len(text) <= max {
		return text
	}
	for max > 0 && !utf8.RuneStart(text[max]) {
		max--
	}
	return text[:max]
}

// Tail returns the last lines of an app's output, cut to what Ended may carry and without control characters, each of
// which would take six octets.
func Tail(lines []string) []string {
	lines = lines[max(0, len(lines)-maxOutputLines):]
	tail := make([]string, len(lines))
	for i, line := range lines {
		tail[i] = Cut(strings.Map(printable, line), maxOutputLine)
	}
	return tail
}

func printable(r rune) rune {
	switch {
	case r == '\t':
		return ' '
	case unicode.IsControl(r):
		return -1
	}
	return r
}

// CutDetail and CutLine cut the text of a Progress and of an Installing to what these may carry.
func CutDetail(text string) string { return Cut(text, maxDetail) }

// CutLine is CutDetail for a line of an installation.
func CutLine(text string) string { return Cut(text, maxOutputLine) }

// checks remembers the first thing that is wrong with a message.
type checks struct {
	direction Direction
	names     map[string]bool // of the outermost object; nil for a message made here, which has all
	err       error
}

func (c *checks) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

// present wants a name to be there even though its zero value is a good one.
func (c *checks) present(name string) {
	if c.names != nil && !c.names[name] {
		c.fail("%s is missing", name)
	}
}

func (c *checks) between(name string, value, low, high int) {
	if value < low || value > high {
		c.fail("%s is %d, want %d to %d", name, value, low, high)
	}
}

func (c *checks) text(name, value string, low, high int) {
	c.between(name+"'s length", len(value), low, high)
	if !utf8.ValidString(value) {
		c.fail("%s is not UTF-8", name)
	}
}

// label is text for one line of a page.
func (c *checks) label(name, value string, low, high int) {
	c.text(name, value, low, high)
	if strings.ContainsFunc(value, unicode.IsControl) {
		c.fail("%s contains a control character", name)
	}
}

func (c *checks) made(name, value string, high int, of func(byte) bool) {
	c.between(name+"'s length", len(value), 1, high)
	for i := range len(value) {
		if !of(value[i]) {
			c.fail("%s contains %q", name, value[i])
			return
		}
	}
}

func (c *checks) id(name, value string) { c.made(name, value, maxID, isIDByte) }

// session wants the session's id where several share a socket, that is, on an edge's.
func (c *checks) session(id SessionID) {
	if c.direction.edge() {
		c.id("session", string(id))
	}
}

func (c *checks) token(value string) {
	c.made("token", value, maxToken, isTokenOctet)
}

func isTokenOctet(b byte) bool { return b > ' ' && b < 0x7f }

func (c *checks) app(value string) {
	c.made("app", value, maxAppName, func(b byte) bool { return isLowerOrDigit(b) || b == '.' || b == '_' || b == '-' })
	if value != "" && !isLowerOrDigit(value[0]) {
		c.fail("app starts with %q", value[0])
	}
}

func (c *checks) codecs(codecs []string, low int) {
	c.between("number of codecs", len(codecs), low, maxCodecs)
	for _, codec := range codecs {
		c.made("codec", codec, maxCodecName, isLowerOrDigit)
	}
}

func (c *checks) size(size *Size) {
	if size != nil {
		c.between("width", size.Width, minSide, maxSide)
		c.between("height", size.Height, minSide, maxSide)
	}
}

func (c *checks) apps(apps []App) {
	c.between("number of apps", len(apps), 0, maxApps)
	seen := make(map[string]bool, len(apps))
	for _, app := range apps {
		c.app(app.Name)
		c.label("title", app.Title, 1, maxTitle)
		c.label("summary", app.Summary, 0, maxSummary)
		c.label("package", app.Package, 0, maxPackage)
		c.between("number of keys", len(app.Keys), 0, maxKeys)
		for _, key := range app.Keys {
			c.label("keys", key.Keys, 0, maxKeyNames)
			c.label("does", key.Does, 0, maxKeyDoes)
		}
		if seen[app.Name] {
			c.fail("app %q appears twice", app.Name)
		}
		seen[app.Name] = true
	}
}

func (c *checks) error(name string, e *Error) {
	if e == nil {
		c.fail("%s is missing", name)
		return
	}
	c.made("code", string(e.Code), maxCode, func(b byte) bool { return isLowerOrDigit(b) || b == '-' })
	c.text("message", e.Message, 1, maxMessageText)
	c.text("hint", e.Hint, 0, maxHint)
}

// Digits of what is written in hexadecimal, and the latest time in seconds: what a number of JavaScript's holds exactly.
const (
	addressDigits   = 40
	nonceDigits     = 64
	signatureDigits = 130
	maxSeconds      = 1<<53 - 1
	maxEndorsement  = 256
)

// hex wants 0x and so many lower-case hexadecimal digits.
func (c *checks) hex(name, value string, digits int) {
	of := func(b byte) bool { return '0' <= b && b <= '9' || 'a' <= b && b <= 'f' }
	c.prefixed(name, value, digits, of)
}

// address wants the form of an address; whether its checksum is right is for who uses it to say.
func (c *checks) address(name, value string) {
	of := func(b byte) bool { return '0' <= b && b <= '9' || 'a' <= b && b <= 'f' || 'A' <= b && b <= 'F' }
	c.prefixed(name, value, addressDigits, of)
}

func (c *checks) prefixed(name, value string, digits int, of func(byte) bool) {
	rest, found := strings.CutPrefix(value, "0x")
	if !found || len(rest) != digits {
		c.fail("%s: want 0x and %d hexadecimal digits", name, digits)
		return
	}
	c.made(name, rest, digits, of)
}

func (c *checks) seconds(name string, value int64) {
	if value < 0 || value > maxSeconds {
		c.fail("%s is %d, want 0 to %d", name, value, int64(maxSeconds))
	}
}

func isLowerOrDigit(b byte) bool { return 'a' <= b && b <= 'z' || '0' <= b && b <= '9' }

func isIDByte(b byte) bool {
	return isLowerOrDigit(b) || 'A' <= b && b <= 'Z' || b == '-' || b == '_'
}
