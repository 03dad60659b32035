package edge

import (
	"nearlight/edge/capture/wayland/gpubuffer"
	"nearlight/edge/sandbox"
	"nearlight/internal/media"
)

// openGPUMemory opens the GPU that a compositor draws on, so that its pictures need not pass through shared memory; nil where
// there is none, or none that can be used, which is logged. Pictures stay on an NVIDIA GPU unless a marker is drawn into them.
func openGPUMemory(config screenConfig) *gpubuffer.Device {
	node := sandbox.RenderNode()
	if node == "" {
		return nil
	}
	if config.chroma != media.Chroma420 {
		config.logger.Info("pictures go through shared memory: from the GPU's they come in 4:2:0 alone", "chroma", config.chroma)
		return nil
	}
	// Drivers have threads, which run before ordinary ones as the encoder's do.
	device, err := onRealtimeThread(config.logger, func() (*gpubuffer.Device, error) {
		return gpubuffer.Open(gpubuffer.Config{Node: node, Libraries: config.nvidia, InHost: config.stamp, Logger: config.logger})
	})
	if err != nil {
		config.logger.Warn("the GPU's memory cannot be used for capture; going on in shared memory", "reason", err)
		return nil
	}
	return device
}
