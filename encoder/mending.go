package encoder

import "errors"

// OpenMending opens the driver with config.Recovery if it has that, and else with RecoverByKeyframe, which all have. It returns the
// configuration that it was opened with.
func (c Candidate) OpenMending(config Config) (Encoder, Config, error) {
	opened, err := c.Open(config)
	if config.Recovery == RecoverByKeyframe || !errors.Is(err, ErrUnsupported) {
		return opened, config, err
	}
	config.Recovery = RecoverByKeyframe
	opened, err = c.Open(config)
	return opened, config, err
}
