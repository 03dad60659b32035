package main

import (
	"errors"
	"fmt"
	"log/slog"

	"nearlight/edge/capture/wayland/gpubuffer"
	"nearlight/edge/sandbox"
	"nearlight/internal/media"
)

// checkGPUMemory makes a buffer in the memory of the GPU that --display wayland draws on, and takes a picture of it as a session does.
// A session without goes through shared memory, so that whatever it finds holds no edge back.
func (d *doctor) checkGPUMemory() finding {
	node := sandbox.RenderNode()
	if node == "" {
		return gpuMemoryFinding("", "", gpubuffer.Trial{}, nil)
	}
	driver, trial, err := tryGPUMemory(gpubuffer.Config{Node: node, Libraries: d.nvidia, Logger: slog.New(slog.DiscardHandler)}, media.Size(d.size))
	return gpuMemoryFinding(node, driver, trial, err)
}

func tryGPUMemory(config gpubuffer.Config, size media.Size) (driver string, _ gpubuffer.Trial, err error) {
	device, err := gpubuffer.Open(config)
	if err != nil {
		return "", gpubuffer.Trial{}, err
	}
	defer func() { err = errors.Join(err, device.Close()) }()
	trial, err := device.Try(size)
	return device.Driver(), trial, err
}

// gpuMemoryFinding says what came of it: how a picture gets to an encoder, or why it goes through shared memory.
func gpuMemoryFinding(node, driver string, trial gpubuffer.Trial, err error) finding {
	const what, shared = "gpu memory", "--display wayland takes its pictures through shared memory"
	switch {
	case node == "":
		return finding{works, what, "no GPU with a render node (/dev/dri/renderD*): " + shared, ""}
	case err != nil:
		f := trouble(doubts, what, err, "")
		f.Detail += ": " + shared
		return f
	}
	return finding{works, what, fmt.Sprintf("--display wayland's pictures lie on %s (%s), and are %v, in %s", node, driver, trial.Way, shown(trial.Took)), ""}
}
