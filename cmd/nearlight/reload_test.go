package main

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"nearlight/internal/identity"
)

func TestAFileIsReadAgainWhenItHasChangedAndKeptWhenItIsWrong(t *testing.T) {
	now := time.Unix(1_900_000_000, 0)
	path := private(t, "file", "one")
	var log bytes.Buffer
	r := &reloaded[string]{path: path, limit: 16, now: func() time.Time { return now }, logger: slog.New(slog.NewTextHandler(&log, nil)),
		parse: func(b []byte) (string, error) {
			if string(b) == "wrong" {
				return "", errors.New("it is wrong")
			}
			return string(b), nil
		}}
	if err := r.open(); err != nil {
		t.Fatal(err)
	}
	for i, step := range []struct {
		why, content string
		wait         time.Duration
		want, says   string
	}{
		{why: "it is new", content: "", want: "one"},
		{why: "it has just been looked at", content: "two", want: "one"},
		{why: "it has changed", wait: lookEvery, want: "two", says: "read again"},
		{why: "it is wrong", content: "wrong", wait: lookEvery, want: "two", says: "it is wrong"},
		{why: "it is still wrong", wait: lookEvery, want: "two"},
		{why: "it is too long", content: strings.Repeat("x", 17), wait: lookEvery, want: "two", says: "more than 16"},
		{why: "it is gone", content: "-", wait: lookEvery, want: "two", says: "no such file"},
		{why: "it is back", content: "three", wait: lookEvery, want: "three", says: "read again"},
	} {
		log.Reset()
		now = now.Add(step.wait)
		switch step.content {
		case "":
		case "-":
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		default:
			if err := os.WriteFile(path, []byte(step.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(path, now, now.Add(time.Duration(i)*time.Second)); err != nil {
				t.Fatal(err)
			}
		}
		if got := r.get(); got != step.want {
			t.Errorf("%s: %q, want %q", step.why, got, step.want)
		}
		if said := log.String(); !strings.Contains(said, step.says) || step.says == "" && said != "" {
			t.Errorf("%s: the log says %q", step.why, said)
		}
	}
}

func TestTheListOfEdgesIsAddressesWithRemarks(t *testing.T) {
	a, b := identity.Address{1}, identity.Address{2}
	list, err := parseEdgeKeys([]byte("# ours\n" + a.String() + "\n\n  " + b.String() + "  # in the cellar\r\n"))
	if err != nil || len(list) != 2 || !list[a] || !list[b] {
		t.Error(list, err)
	}
	if _, err := parseEdgeKeys([]byte(a.String() + "\nx\n")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Error(err)
	}
	if _, err := readEdgeKeys(private(t, "keys", "x"), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a wrong list is taken")
	}
}

func FuzzEdgeKeys(f *testing.F) {
	f.Add([]byte(identity.Address{1}.String() + " # x\n"))
	f.Fuzz(func(_ *testing.T, content []byte) { _, _ = parseEdgeKeys(content) })
}
