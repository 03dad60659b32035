package control

import (
	"encoding/json"
	"errors"
	"fmt"
)

// NoticeBody is what a Notice says: AppNotice, VideoNotice, AudioNotice or StatsNotice.
type NoticeBody interface{ kind() string }

// AppState is how far the app is.
type AppState string

// The states of an app, in their order.
const (
	AppStarting AppState = "starting"
	AppRunning  AppState = "running"
	AppExited   AppState = "exited"
)

// AppNotice tells how the app is doing. Detail is what is being done, or why the app ended; it may be empty.
type AppNotice struct {
	State  AppState `json:"state"`
	Title  string   `json:"title"`
	Detail string   `json:"detail"`
}

// VideoNotice tells what is sent from now on. Reason says why it is less than what was asked for, Instead why no encoder
// that the edge would rather use is at work; both may be empty. Limit is whose doing the reason is.
type VideoNotice struct {
	Encoder   string `json:"encoder"`
	Codec     string `json:"codec"`
	Width     int    `json:"width"`
	Height    int    `json:"height"`
	FrameRate int    `json:"frameRate"` // per second
	Reason    string `json:"reason"`
	Instead   string `json:"instead,omitempty"`
	Limit     Limit  `json:"limit,omitempty"`
}

// AudioState is whether there is sound.
type AudioState string

// The states of sound.
const (
	AudioOn  AudioState = "on"
	AudioOff AudioState = "off"
)

// AudioNotice tells whether there is sound to hear from now on. Reason says why there is none; it may be empty.
type AudioNotice struct {
	State  AudioState `json:"state"`
	Reason string     `json:"reason"`
}

// Limit is what keeps pictures smaller or fewer than was asked for.
type Limit string

// The limits.
const (
	NoLimit     Limit = ""
	EdgeLimit   Limit = "edge"   // the machine's work for each picture
	LinkLimit   Limit = "link"   // what the way to the player carries
	DeviceLimit Limit = "device" // what the player decodes
)

// StatsNotice is what the edge measured in its last seconds. A stage is named as in the benchmarks and appears once it
// was measured; so does RTT. Frames and Dropped count since the session began.
type StatsNotice struct {
	Stages     map[string]Quantiles `json:"stages"`
	RTT        *Quantiles           `json:"rtt,omitempty"`
	BitrateBPS int64                `json:"bitrate_bps"`
	Frames     uint64               `json:"frames"`
	Dropped    uint64               `json:"dropped"`
	Link       *LinkFigures         `json:"link,omitempty"`
}

// LinkFigures are what the edge's congestion control makes of the way to the player; nil while there is none. State and Cause are
// words of streamer/congestion, whose list may grow.
type LinkFigures struct {
	State       string  `json:"state"`
	Cause       string  `json:"cause"`        // of the last cut of the rate, "none" before the first
	TargetBPS   int64   `json:"target_bps"`   // what may be sent
	CapacityBPS int64   `json:"capacity_bps"` // what frames were seen to pass at; 0 before the first
	QueueMS     float64 `json:"queue_ms"`     // that packets wait on the way
	Loss        float64 `json:"loss"`         // share of packets lost lately, 0 to 1
	// LeftOut counts frames that one who looks on was not sent since the notice before, since the way does not carry them.
	LeftOut uint64 `json:"left_out,omitempty"`
}

// Quantiles sums up a duration in milliseconds, as the page shows it.
type Quantiles struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

func (AppNotice) kind() string   { return "app" }
func (VideoNotice) kind() string { return "video" }
func (AudioNotice) kind() string { return "audio" }
func (StatsNotice) kind() string { return "stats" }

// MarshalJSON writes the body's fields with its kind as the first.
func (n *Notice) MarshalJSON() ([]byte, error) {
	switch body := n.Body.(type) {
	case AppNotice:
		if err := body.State.check(); err != nil {
			return nil, err
		}
		return json.Marshal(struct {
			Kind string `json:"kind"`
			AppNotice
		}{body.kind(), body})
	case VideoNotice:
		return json.Marshal(struct {
			Kind string `json:"kind"`
			VideoNotice
		}{body.kind(), body})
	case AudioNotice:
		if err := body.State.check(); err != nil {
			return nil, err
		}
		return json.Marshal(struct {
			Kind string `json:"kind"`
			AudioNotice
		}{body.kind(), body})
	case StatsNotice:
		if body.Stages == nil {
			body.Stages = map[string]Quantiles{}
		}
		return json.Marshal(struct {
			Kind string `json:"kind"`
			StatsNotice
		}{body.kind(), body})
	}
	return nil, errors.New("notice without a body")
}

// UnmarshalJSON reads a notice; an unknown kind leaves Body nil.
func (n *Notice) UnmarshalJSON(b []byte) error {
	var tag struct {
		Kind *string `json:"kind"`
	}
	if err := json.Unmarshal(b, &tag); err != nil {
		return err
	}
	if tag.Kind == nil {
		return errors.New("no kind")
	}
	n.Body = nil
	switch *tag.Kind {
	case AppNotice{}.kind():
		var body AppNotice
		if err := json.Unmarshal(b, &body); err != nil {
			return err
		}
		if err := body.State.check(); err != nil {
			return err
		}
		n.Body = body
	case VideoNotice{}.kind():
		var body VideoNotice
		if err := json.Unmarshal(b, &body); err != nil {
			return err
		}
		n.Body = body
	case AudioNotice{}.kind():
		var body AudioNotice
		if err := json.Unmarshal(b, &body); err != nil {
			return err
		}
		if err := body.State.check(); err != nil {
			return err
		}
		n.Body = body
	case StatsNotice{}.kind():
		body := StatsNotice{Stages: map[string]Quantiles{}}
		if err := json.Unmarshal(b, &body); err != nil {
			return err
		}
		if body.Stages == nil { // "stages":null
			body.Stages = map[string]Quantiles{}
		}
		n.Body = body
	}
	return nil
}

func (s AppState) check() error {
	switch s {
	case AppStarting, AppRunning, AppExited:
		return nil
	}
	return fmt.Errorf("app state %q", string(s))
}

func (s AudioState) check() error {
	switch s {
	case AudioOn, AudioOff:
		return nil
	}
	return fmt.Errorf("audio state %q", string(s))
}
