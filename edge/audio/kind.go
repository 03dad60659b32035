package audio

import (
	"errors"
	"fmt"
	"strings"

	"nearlight/edge/sandbox"
)

// ErrNoServer reports that this machine lacks the programs that make sound servers; the message says what to install.
var ErrNoServer = errors.New("no sound server can be started")

// Package is the Debian package that brings the sound server of those who have none.
const Package = "pulseaudio"

// Kind is a program that sound servers are made of. Both speak PulseAudio's protocol to apps and to us.
type Kind struct {
	name     string
	programs []string // all of them are needed; the first is the server itself
	packages string
	// hushes says that its source is silent by itself where nothing is written. What is written it takes as time goes by, not at once, so
	// that whatever lies in the pipe when somebody begins to speak delays all that is said.
	hushes bool
	// What a server is given, which sees its files at these places.
	files func(at places) map[string]string // settings, by their names
	args  func(at places) []string
	env   func(at places) []string
}

// places are where a server sees its files.
type places struct{ socket, pipe, settings, state string }

// Kinds are all that there are, the preferred one first: PulseAudio is one process in place of two, and takes a third of the memory.
func Kinds() []*Kind { return []*Kind{pulseAudio, pipeWire} }

// Find is the first kind that this machine has. The error wraps ErrNoServer.
func Find() (*Kind, error) {
	var flaws []error
	for _, k := range Kinds() {
		err := k.Installed()
		if err == nil {
			return k, nil
		}
		flaws = append(flaws, err)
	}
	return nil, flaws[0] // what is missing of the preferred one
}

// String is the kind's name, such as PulseAudio.
func (k *Kind) String() string { return k.name }

// Program is the server's, as a list of processes names it.
func (k *Kind) Program() string { return k.programs[0] }

// Installed returns an error that wraps ErrNoServer when one of the kind's programs is missing.
func (k *Kind) Installed() error {
	for _, program := range k.programs {
		if _, err := lookUp(program); err != nil {
			return fmt.Errorf("%w: %s is not installed; run: apt-get install -y --no-install-recommends %s", ErrNoServer, program, k.packages)
		}
	}
	return nil
}

func lookUp(program string) (path string, err error) {
	return sandbox.Look(program, []string{"PATH=" + sandbox.Path})
}

// The sink and the source, by the modules of PulseAudio's that both kinds have. Without rewinds PulseAudio's sink is never more than 50 ms
// ahead of what it plays, so that capture begins at once.
func sinkModule(further string) string {
	return strings.TrimSpace(fmt.Sprintf("module-null-sink sink_name=%s format=s16le rate=%d channels=%d %s", sink, SampleRate, Channels, further))
}

func sourceModule(pipe string) string {
	return fmt.Sprintf("module-pipe-source source_name=%s file=%s format=s16le rate=%d channels=1 source_properties=device.description=%s",
		microphone, pipe, VoiceRate, microphoneName)
}
