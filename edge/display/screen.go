package display

import (
	"errors"
	"fmt"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/randr"
	"github.com/jezek/xgb/xproto"

	"nearlight/internal/media"
)

// keptModes bounds how many sizes a screen remembers. SDL goes back to a mode that it has seen, the first one above
// all, and leaves the screen switched off when that is gone.
const keptModes = 32

// modePrefix begins the names of modes that we made, so that they can be told from the server's own.
const modePrefix = "nearlight-"

// setScreenSize makes the root window size large, as a monitor that changes its mode does, so that programs which ask
// RandR for the screen's size, or for a list of sizes, find it.
func setScreenSize(conn *xgb.Conn, root xproto.Window, size media.Size) error {
	resources, err := randr.GetScreenResourcesCurrent(conn, root).Reply()
	if err != nil {
		return fmt.Errorf("asking for the screen's resources: %w", err)
	}
	if len(resources.Crtcs) == 0 || len(resources.Outputs) == 0 {
		return errors.New("the X server has no output to resize")
	}
	crtc, outputs := resources.Crtcs[0], resources.Outputs[:1]
	mode, made := findMode(resources, size)
	if mode == 0 {
		name := modePrefix + size.String()
		reply, err := randr.CreateMode(conn, root, randr.ModeInfo{
			Width: uint16(size.Width), Height: uint16(size.Height), NameLen: uint16(len(name)),
			// 60 Hz: programs that wait for the screen's rate compute it from these.
			DotClock: uint32(size.Width * size.Height * 60), Htotal: uint16(size.Width), Vtotal: uint16(size.Height),
		}, name).Reply()
		if err != nil {
			return fmt.Errorf("making the mode %v: %w", size, err)
		}
		mode = reply.Mode
		if err := randr.AddOutputModeChecked(conn, outputs[0], mode).Check(); err != nil {
			return fmt.Errorf("adding the mode %v: %w", size, err)
		}
	}
	if err := switchMode(conn, root, crtc, mode, outputs, size); err != nil {
		return err
	}
	for n := 1; n < len(made) && len(made)-n >= keptModes; n++ {
		old := made[n]
		if old == mode {
			continue
		}
		if err := errors.Join(randr.DeleteOutputModeChecked(conn, outputs[0], old).Check(), randr.DestroyModeChecked(conn, old).Check()); err != nil {
			return fmt.Errorf("removing an old mode: %w", err)
		}
	}
	return nil
}

// findMode returns the mode of the given size, 0 if there is none, and all modes that we made earlier.
func findMode(resources *randr.GetScreenResourcesCurrentReply, size media.Size) (found randr.Mode, made []randr.Mode) {
	names := resources.Names
	for _, info := range resources.Modes {
		mode := randr.Mode(info.Id)
		length := min(int(info.NameLen), len(names))
		name := string(names[:length])
		names = names[length:]
		if len(name) > len(modePrefix) && name[:len(modePrefix)] == modePrefix {
			made = append(made, mode)
		}
		if int(info.Width) == size.Width && int(info.Height) == size.Height {
			found = mode
		}
	}
	return found, made
}

// switchMode holds all other clients off meanwhile: the screen is switched off for a moment, because it may not become
// smaller than the picture that its output shows.
func switchMode(conn *xgb.Conn, root xproto.Window, crtc randr.Crtc, mode randr.Mode, outputs []randr.Output, size media.Size) error {
	const now = xproto.TimeCurrentTime
	millimetres := func(pixels int) uint32 { return uint32((pixels*254 + dpi*5) / (dpi * 10)) }
	xproto.GrabServer(conn)
	defer xproto.UngrabServer(conn)
	if err := configured(randr.SetCrtcConfig(conn, crtc, now, now, 0, 0, 0, randr.RotationRotate0, nil).Reply()); err != nil {
		return fmt.Errorf("switching the output off: %w", err)
	}
	if err := randr.SetScreenSizeChecked(conn, root, uint16(size.Width), uint16(size.Height), millimetres(size.Width), millimetres(size.Height)).Check(); err != nil {
		return fmt.Errorf("setting the screen's size to %v: %w", size, err)
	}
	if err := configured(randr.SetCrtcConfig(conn, crtc, now, now, 0, 0, mode, randr.RotationRotate0, outputs).Reply()); err != nil {
		return fmt.Errorf("switching the output to %v: %w", size, err)
	}
	return nil
}

func configured(reply *randr.SetCrtcConfigReply, err error) error {
	if err == nil && reply.Status != randr.SetConfigSuccess {
		err = fmt.Errorf("refused with status %d", reply.Status)
	}
	return err
}
