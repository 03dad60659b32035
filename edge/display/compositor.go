package display

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/jezek/xgb/xproto"

	"nearlight/edge/sandbox"
	"nearlight/internal/media"
)

const (
	// DefaultFrameRate is the rate at which pictures are expected to be taken.
	DefaultFrameRate = 60
	// refreshes is how often the compositor looks for changes in the time of one picture, up to mostRefreshes a second: what
	// an app draws waits for the X server's turn and then for the compositor's, 25 ms in all at 60 Hz and 2.5 at 240 (a
	// clock at 59.7 Hz, medians). A compositor that has nothing to show costs next to nothing; its timer counts whole
	// milliseconds, so that more than this gains nothing.
	refreshes     = 4
	mostRefreshes = 240
	// output is the name that wlroots gives its first screen without a monitor.
	output = "HEADLESS-1"
	// waylandName is the socket that sway takes in a folder where no other compositor is.
	waylandName = "wayland-1"
	controlName = "sway"
	// longestOwnSocket is the longest name that sway would give its control socket, for which it needs room even when that is
	// given another.
	longestOwnSocket = "/sway-ipc.4294967295.4194304.sock"
)

// compositor is a sway that shows one thing: the screen of an X server within it (Xwayland, not the one that sway starts by
// itself for single windows: with a screen of its own it is an X server like any other, with cookie, keeper and XTEST).
type compositor struct {
	folder    string // XDG_RUNTIME_DIR, as the edge reaches it
	frameRate int
}

func (c *compositor) socket() string { return filepath.Join(c.folder, waylandName) }

// prepare makes the compositor's files and completes the command that starts it, with an X server that is started with
// the given arguments.
func (c *compositor) prepare(command *sandbox.Command, folder string, confined bool, server []string, size media.Size) error {
	c.folder = filepath.Join(folder, "wl")
	settings := filepath.Join(folder, "sway.conf")
	gpu := sandbox.HasGPU()
	err := errors.Join(
		command.Identity.MakeFolder(c.folder),
		command.Identity.WriteFile(settings, []byte(c.settings(server, size, gpu))),
	)
	if err != nil {
		return err
	}
	runtime, settingsSeen := c.folder, settings
	if !confined && len(c.folder)+len(longestOwnSocket) > longestSocket {
		return tooDeep(folder, c.folder+longestOwnSocket)
	}
	if confined {
		const settingsInside = "/run/display/sway.conf"
		runtime, settingsSeen = sandbox.RuntimeDir, settingsInside
		command.Binds = append(command.Binds,
			sandbox.Bind{Outside: c.folder, Inside: runtime, Writable: true}, sandbox.Bind{Outside: settings, Inside: settingsInside})
	}
	command.GPU = true
	// noatomic: sway would show a change of size only when the X server has drawn anew, or 200 ms later, and grey until then.
	command.Args = []string{"sway", "-Dnoatomic", "--config", settingsSeen}
	command.Env = append(command.Env,
		"XDG_RUNTIME_DIR="+runtime, "SWAYSOCK="+filepath.Join(runtime, controlName), "HOME=/nonexistent",
		"WLR_BACKENDS=headless", "WLR_LIBINPUT_NO_DEVICES=1", "XKB_DEFAULT_RULES=evdev")
	if gpu { // of several, the one whose memory the edge shares with it
		command.Env = append(command.Env, "WLR_RENDER_DRM_DEVICE="+sandbox.RenderNode())
	} else {
		command.Env = append(command.Env, "WLR_RENDERER=pixman")
	}
	return nil
}

// settings are sway's: no decoration, no helpers, one screen, and the X server, whose end is sway's.
func (c *compositor) settings(server []string, size media.Size, gpu bool) string {
	if !gpu {
		server = append(server, "-shm") // it would look for a GPU first
	}
	return strings.Join([]string{
		"xwayland disable", "swaybg_command -", "swaynag_command -",
		"default_border none", "default_floating_border none", "focus_follows_mouse no",
		"output " + output + " " + c.mode(size),
		"exec \"Xwayland " + strings.Join(server, " ") + "; swaymsg exit\"",
		"",
	}, "\n")
}

func (c *compositor) mode(size media.Size) string {
	return fmt.Sprintf("mode --custom %v@%dHz", size, max(c.frameRate, min(refreshes*c.frameRate, mostRefreshes)))
}

// resize gives the compositor's screen another size; the X server follows.
func (c *compositor) resize(ctx context.Context, size media.Size) error {
	return c.command(ctx, "output "+output+" "+c.mode(size))
}

// resizeCompositor gives the compositor's screen another size, and waits until the X server has followed.
func (d *Display) resizeCompositor(size media.Size) error {
	ctx, cancel := context.WithTimeout(context.Background(), resizeTimeout)
	defer cancel()
	if err := d.compositor.resize(ctx, size); err != nil {
		return err
	}
	for {
		geometry, err := xproto.GetGeometry(d.keeper.conn, xproto.Drawable(d.keeper.root)).Reply()
		if err != nil {
			return err
		}
		if (media.Size{Width: int(geometry.Width), Height: int(geometry.Height)}) == size {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the X server stays at %dx%d: %w", geometry.Width, geometry.Height, ctx.Err())
		case <-d.server.Done():
			return ErrClosed
		case <-time.After(resizeTick):
		}
	}
}

// Messages of sway's control socket (sway-ipc(7)): a magic string, the length of the payload and its kind, then the payload.
const (
	controlMagic   = "i3-ipc"
	controlHeader  = len(controlMagic) + 8
	controlRun     = 0
	longestControl = 64 << 10
)

// command has sway execute a line of its configuration's language.
func (c *compositor) command(ctx context.Context, line string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(c.folder, controlName))
	if err != nil {
		return fmt.Errorf("connect to sway: %w", err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	request := append([]byte(controlMagic), make([]byte, 8)...)
	binary.NativeEndian.PutUint32(request[len(controlMagic):], uint32(len(line)))
	binary.NativeEndian.PutUint32(request[len(controlMagic)+4:], controlRun)
	if _, err := conn.Write(append(request, line...)); err != nil {
		return fmt.Errorf("tell sway %q: %w", line, err)
	}
	header := make([]byte, controlHeader)
	if _, err := io.ReadFull(conn, header); err != nil {
		return fmt.Errorf("sway's answer to %q: %w", line, err)
	}
	length := binary.NativeEndian.Uint32(header[len(controlMagic):])
	if string(header[:len(controlMagic)]) != controlMagic || length > longestControl {
		return fmt.Errorf("sway's answer to %q is none of its protocol's", line)
	}
	var results []struct {
		Success bool
		Error   string
	}
	if err := json.NewDecoder(io.LimitReader(conn, int64(length))).Decode(&results); err != nil {
		return fmt.Errorf("sway's answer to %q: %w", line, err)
	}
	for _, result := range results {
		if !result.Success {
			return fmt.Errorf("sway refuses %q: %s", line, result.Error)
		}
	}
	return nil
}
