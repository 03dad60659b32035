package display

import (
	"fmt"
	"slices"
	"strings"

	"nearlight/edge/sandbox"
)

// Kind is what makes a session's screen.
type Kind string

// The kinds.
const (
	// Xvfb is an X server that draws on the processor.
	Xvfb Kind = "xvfb"
	// Wayland is a compositor without a monitor (sway) and an X server that shows its screen there (Xwayland). Both draw on
	// the GPU where there is one, and so do the apps.
	Wayland Kind = "wayland"
	// Offscreen is none: what is played is drawn by the edge itself, and Start has nothing to start.
	Offscreen Kind = "offscreen"
)

// Kinds lists those that Start starts, the default first.
func Kinds() []Kind { return []Kind{Xvfb, Wayland} }

// ParseKind reads a kind's name.
func ParseKind(name string) (Kind, error) {
	all := append(Kinds(), Offscreen)
	if kind := Kind(name); slices.Contains(all, kind) {
		return kind, nil
	}
	names := make([]string, 0, len(all))
	for _, kind := range all {
		names = append(names, string(kind))
	}
	return "", fmt.Errorf("display %q: want %s", name, strings.Join(names, " or "))
}

// program is one that a kind of display runs, and the Debian package that brings it.
type program struct{ name, from string }

func (k Kind) programs() []program {
	switch k {
	case Offscreen:
		return nil
	case Wayland:
		return []program{{"sway", "sway"}, {"swaymsg", "sway"}, {"Xwayland", "xwayland"}}
	}
	return []program{{"Xvfb", "xvfb"}}
}

// Programs are those that do a display's work, as a list of processes names them.
func (k Kind) Programs() []string {
	var names []string
	for _, p := range k.programs() {
		names = append(names, p.name)
	}
	return names
}

// Packages are the Debian packages that a kind needs.
func (k Kind) Packages() []string {
	packages := []string{"xkb-data"}
	for _, p := range k.programs() {
		packages = append(packages, p.from)
	}
	slices.Sort(packages)
	return slices.Compact(packages)
}

// Installed returns an error that wraps ErrNoServer when a program is missing.
func (k Kind) Installed() error {
	for _, p := range k.programs() {
		if _, err := sandbox.Look(p.name, []string{"PATH=" + sandbox.Path}); err != nil {
			return fmt.Errorf("%w: %s is not installed; run: apt install --no-install-recommends %s", ErrNoServer, p.name, strings.Join(k.Packages(), " "))
		}
	}
	return nil
}
