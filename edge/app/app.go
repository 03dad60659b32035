// Package app answers one question: what does a session run, and how did it end?
//
// A Description says what: an entry of the catalogue, which is embedded, or a command of the edge's owner (Command).
// Launch runs it on a display, in the sandbox, and the Process that it returns keeps the last lines that the program
// wrote, because those are what a player is shown when it ends. Installer installs what the catalogue needs.
//
// Everything here may be used from several goroutines.
package app

import (
	"path/filepath"
)

// Description is a program that a session can run.
type Description struct {
	Name    string `yaml:"name"`    // as in --app
	Title   string `yaml:"title"`   // as people know it
	Summary string `yaml:"summary"` // one sentence
	// Package is the Debian package that brings the program; empty for Nearlight's own and for commands.
	Package string `yaml:"package"`
	// Program is a path or a name to be looked up. Own says that it is this very program, nearlight.
	Program   string   `yaml:"program"`
	Own       bool     `yaml:"own"`
	Arguments []string `yaml:"arguments"`
	// Environment is added to what every app gets.
	Environment map[string]string `yaml:"environment"`
	// WithoutGPU replaces Arguments and adds to Environment where a machine draws on its processor.
	WithoutGPU *Variant `yaml:"without_gpu"`
	// Files are put into the player's home before each start, so that a game begins on the whole screen and without
	// questions. In their content, and in arguments, {width} and {height} stand for the screen's size and {home} for
	// the player's home.
	Files []File `yaml:"files"`
	// Keys are what a player needs to know.
	Keys []Key `yaml:"keys"`
	// Hidden apps are not shown to players: whoever plays one knows its name.
	Hidden bool `yaml:"hidden"`
	// Pointer says what the mouse is for.
	Pointer Pointer `yaml:"pointer"`
}

// Variant is another way to start the same program.
type Variant struct {
	Arguments   []string          `yaml:"arguments"`
	Environment map[string]string `yaml:"environment"`
}

// File is a file in the player's home.
type File struct {
	Path    string `yaml:"path"`
	Content string `yaml:"content"`
}

// Key is what some keys do, for example ← and → "steer".
type Key struct {
	Keys []string `yaml:"keys"` // as people write them: ←, Space, Ctrl, W
	Does string   `yaml:"does"`
}

// Pointer is an app's use of the mouse.
type Pointer string

// The uses of the mouse.
const (
	PointerUnused Pointer = "unused"
	PointerUseful Pointer = "useful" // menus can be clicked
	PointerNeeded Pointer = "needed"
)

// Command describes a program of the edge's owner: a path, or a name to be looked up, and its arguments.
func Command(program string, arguments ...string) Description {
	name := filepath.Base(program)
	return Description{Name: name, Title: name, Program: program, Arguments: arguments, Pointer: PointerUseful}
}
