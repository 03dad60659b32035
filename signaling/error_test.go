package signaling

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestEveryCodeSaysWhatHappenedAndWhatToDo(t *testing.T) {
	seen := map[string]Code{}
	for _, code := range Codes() {
		e := NewError(code)
		if e.Code != code || e.Message == "" || e.Hint == "" {
			t.Errorf("%s: %#v", code, e)
		}
		if other, twice := seen[e.Message]; twice {
			t.Errorf("%s and %s say the same", code, other)
		}
		seen[e.Message] = code
		if _, err := Encode(SignalingToPlayer, Failed{Error: e}); err != nil {
			t.Error(err)
		}
	}
}

func TestAnUnexpectedErrorDoesNotLeakItsText(t *testing.T) {
	e := AsError(errors.New("open /etc/secret: permission denied"))
	if e.Code != CodeInternal || strings.Contains(e.Error(), "secret") {
		t.Error(e)
	}
}

func TestACodeIsFoundThroughWrapping(t *testing.T) {
	err := fmt.Errorf("play: %w", Errorf(CodeFull, "All %d slots are in use.", 2))
	if !errors.Is(err, &Error{Code: CodeFull}) || errors.Is(err, &Error{Code: CodeNoEdge}) {
		t.Error(err)
	}
	if e := AsError(err); e.Message != "All 2 slots are in use." || !e.Retryable || e.Hint == "" {
		t.Errorf("%#v", e)
	}
}

func TestCutNeverSplitsACharacter(t *testing.T) {
	for limit := range 8 {
		cut := Cut("aé世\xffz", limit)
		if len(cut) > limit || !utf8.ValidString(cut) {
			t.Errorf("%d: %q", limit, cut)
		}
	}
}

func TestTailFitsIntoEnded(t *testing.T) {
	lines := make([]string, 200)
	for i := range lines {
		lines[i] = strings.Repeat("\x1b\x00", 300) + strings.Repeat(`<"\`, 300)
	}
	tail := Tail(lines)
	if _, err := Encode(SignalingToPlayer, Ended{Reason: NewError(CodeAppExited), Output: tail}); err != nil {
		t.Error(err)
	}
	if len(tail) != maxOutputLines {
		t.Errorf("%d lines", len(tail))
	}
}
