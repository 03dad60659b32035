// Package audio answers one question: how does a session get a sound server of its own, and what it plays from there?
//
// A Server is a PulseAudio, or a PipeWire where there is no PulseAudio, in a cage of its own, beside the display's, with one sink that plays to nobody, and one source, a microphone
// that hears what it is given. Apps reach it by a socket
// and nothing else; it opens no device and knows no other session. What the sink plays is
// recorded from its monitor in fragments of a few milliseconds.
//
//	Start ── up ── Close
//	  ^      │
//	  └──────┘  the server ended, or sends nothing: a new one, after a pause that grows
//
// A session without sound is still a session: a server that cannot be had is said, and tried again.
//
// A Server may be used from several goroutines; Capture and Speak are called by one at a time each.
package audio

import "time"

// The sound that is captured: signed 16-bit, left and right in turn.
const (
	SampleRate = 48000 // Hz
	Channels   = 2
	// FragmentTime is how much sound is captured at once, and so how often the sink asks apps for more. Less costs wake-ups, and
	// nothing is won by it that frames of 10 ms do not lose again.
	FragmentTime = 5 * time.Millisecond
)
