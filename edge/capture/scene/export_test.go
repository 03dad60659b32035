package scene

import "nearlight/internal/scene/gles"

// OpenAnywhere opens a source whose OpenGL is wherever there is one, though config names a GPU: a double of CUDA has none.
func OpenAnywhere(config Config) (*Source, error) {
	return open(config, func(gles.Adapter) (*gles.Context, error) { return gles.OpenOffscreen() })
}
