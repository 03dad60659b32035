package edge

import (
	"errors"

	"nearlight/edge/capture/scene"
	"nearlight/internal/cuda"
)

// offscreen is a screen that is none: our own scene, which this process plays and draws where no display is.
type offscreen struct {
	source *scene.Source
	gpu    *cuda.Context // where it draws, nil for no NVIDIA GPU
}

// openOffscreen readies the scene on an NVIDIA GPU where there is one that draws, else wherever OpenGL does.
func openOffscreen(wanted screenConfig) (*offscreen, error) {
	logger := wanted.logger
	config := scene.Config{Size: wanted.size, FrameRate: wanted.frameRate, Stamp: wanted.stamp, Chroma: wanted.chroma, Logger: logger}
	gpu, err := cuda.Retain(wanted.nvidia, 0)
	if err != nil {
		logger.Debug("the scene is drawn without CUDA", "reason", err)
	} else {
		config.GPU = gpu
		source, err := openScene(config)
		if err == nil {
			logger.Info("the scene is drawn off screen, pictures stay on the GPU", "gpu", gpu.Device().Name, "driver", source.Target().Driver)
			return &offscreen{source, gpu}, nil
		}
		logger.Warn("the scene cannot be drawn on the NVIDIA GPU, pictures are read back from elsewhere", "gpu", gpu.Device().Name, "reason", err)
		if err := gpu.Close(); err != nil {
			return nil, err
		}
		config.GPU = nil
	}
	source, err := openScene(config)
	if err != nil {
		return nil, err
	}
	logger.Info("the scene is drawn off screen, pictures are read back", "driver", source.Target().Driver, "software", source.Target().Software)
	return &offscreen{source: source}, nil
}

// openScene opens the scene where frames are made: Mesa's drawing threads run before ordinary ones as the encoder's do, or a
// picture would wait for both.
func openScene(config scene.Config) (*scene.Source, error) {
	return onRealtimeThread(config.Logger, func() (*scene.Source, error) { return scene.Open(config) })
}

// close ends the scene; it may be called more than once.
func (o *offscreen) close() error {
	err := o.source.Close()
	if o.gpu != nil {
		err = errors.Join(err, o.gpu.Close()) // after the source's pictures
	}
	return err
}
