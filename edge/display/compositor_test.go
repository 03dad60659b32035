package display

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nearlight/internal/media"
)

func TestACompositorLooksForChangesMoreOftenThanPicturesAreTaken(t *testing.T) {
	size := media.Size{Width: 641, Height: 361}
	for _, step := range []struct {
		rate   int
		want   string
		reason string
	}{
		{24, "641x361@96Hz", "four times"},
		{60, "641x361@240Hz", "four times"},
		{120, "641x361@240Hz", "no more than its timer can tell apart"},
		{300, "641x361@300Hz", "at least as often as pictures are wanted"},
	} {
		c := compositor{frameRate: step.rate}
		if got := c.mode(size); got != "mode --custom "+step.want {
			t.Errorf("%d a second: %s, want %s (%s)", step.rate, got, step.want, step.reason)
		}
	}
}

func TestTheXServersEndIsTheCompositors(t *testing.T) {
	c := compositor{frameRate: 60}
	server := []string{":7", "-auth", "/run/x"}
	for gpu, want := range map[bool]string{
		true: `exec "Xwayland :7 -auth /run/x; swaymsg exit"`, false: `exec "Xwayland :7 -auth /run/x -shm; swaymsg exit"`,
	} {
		if settings := c.settings(server, media.Size{Width: 640, Height: 480}, gpu); !strings.Contains(settings, want) {
			t.Errorf("with a GPU %v:\n%s\nlacks %s", gpu, settings, want)
		}
	}
}

// answer is a message of sway's with the given length in its header.
func answer(magic string, length int, payload string) string {
	header := append([]byte(magic), make([]byte, 8)...)
	binary.NativeEndian.PutUint32(header[len(magic):], uint32(length))
	return string(header) + payload
}

func TestSwaysAnswersAreChecked(t *testing.T) {
	const good, bad = `[{"success": true}]`, `[{"success": false, "error": "Unknown output"}]`
	for _, step := range []struct {
		name, answer, want string // want is a part of the error, "" for none
	}{
		{"done", answer(controlMagic, len(good), good), ""},
		{"refused", answer(controlMagic, len(bad), bad), "Unknown output"},
		{"hung up", "", "EOF"},
		{"cut short", answer(controlMagic, len(good), good[:5]), "EOF"},
		{"another protocol", answer("HTTP/1", len(good), good), "protocol"},
		{"gigabytes", answer(controlMagic, 1<<31, good), "protocol"},
		{"no JSON", answer(controlMagic, 4, "true"), "answer"},
	} {
		t.Run(step.name, func(t *testing.T) {
			c := compositor{folder: t.TempDir(), frameRate: 60}
			heard := serveControl(t, c, step.answer)
			err := c.resize(t.Context(), media.Size{Width: 640, Height: 480})
			if (err == nil) != (step.want == "") || err != nil && !strings.Contains(err.Error(), step.want) {
				t.Errorf("got %v, want %q", err, step.want)
			}
			if line := <-heard; line != "output HEADLESS-1 mode --custom 640x480@240Hz" {
				t.Errorf("sway was told %q", line)
			}
		})
	}
}

// serveControl is sway's end of its control socket: it takes one command, which is returned, and sends an answer.
func serveControl(t *testing.T, c compositor, answer string) <-chan string {
	t.Helper()
	listener, err := net.Listen("unix", filepath.Join(c.folder, controlName))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	heard := make(chan string, 1)
	go func() {
		defer close(heard)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		header := make([]byte, controlHeader)
		if _, err := io.ReadFull(conn, header); err != nil {
			return
		}
		line := make([]byte, binary.NativeEndian.Uint32(header[len(controlMagic):]))
		if _, err := io.ReadFull(conn, line); err != nil {
			return
		}
		_, _ = io.WriteString(conn, answer)
		heard <- string(line)
	}()
	return heard
}

func TestASwayThatDoesNotAnswerIsNotWaitedForLongerThanAsked(t *testing.T) {
	c := compositor{folder: t.TempDir()}
	listener, err := net.Listen("unix", filepath.Join(c.folder, controlName)) // accepts, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if err := c.command(ctx, "nop"); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
}

func TestAKindIsReadByItsName(t *testing.T) {
	for _, kind := range Kinds() {
		if got, err := ParseKind(string(kind)); err != nil || got != kind {
			t.Errorf("%s: %v, %v", kind, got, err)
		}
	}
	for _, name := range []string{"", "auto", "Xvfb", "wayland "} {
		if kind, err := ParseKind(name); err == nil || !strings.Contains(err.Error(), "xvfb or wayland") {
			t.Errorf("%q: %v, %v", name, kind, err)
		}
	}
}
