// Package pulse answers one question: how is what a sound server plays recorded, and when is the server ready for that? It speaks as much of PulseAudio's native protocol
// as that takes, in the version 13 that PulseAudio and PipeWire both serve, over a Unix socket
// (https://www.freedesktop.org/wiki/Software/PulseAudio/Documentation/Developer/, src/pulsecore/tagstruct.h,
// src/pulsecore/protocol-native.c).
//
// The app of a session reaches the same server, so that the server's words are taken for what an app might have made it say: a
// message that is too long or malformed ends the conversation, and nothing more.
//
// A Recording is read by one goroutine.
package pulse

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Errors that callers branch on.
var (
	// ErrKilled reports that the server ended the recording: its source is gone, or somebody asked it to.
	ErrKilled = errors.New("the sound server ended the recording")
	// ErrStalled reports a server that sends nothing, though a source makes samples all the time.
	ErrStalled = errors.New("the sound server sends nothing")
	// ErrRefused reports a request that the server did not grant.
	ErrRefused = errors.New("the sound server refuses")
)

const (
	formatS16LE  = 3
	frontLeft    = 1
	frontRight   = 2
	bytesASample = 2
	// kept is how much the server holds for a reader that does not come, in time: then it drops the oldest.
	kept = 100 * time.Millisecond
)

// Config says what to record. All of it must be set.
type Config struct {
	Source   string // name of the source, such as a sink's monitor
	Rate     int    // samples of each channel per second
	Fragment time.Duration
	Client   string // how the server knows us
}

// Recording is a source that is being recorded in stereo, signed 16-bit.
type Recording struct {
	*client
	stream uint32
}

// Record connects to a server and begins to record. When ctx ends, so does the recording.
func Record(ctx context.Context, socket string, c Config) (*Recording, error) {
	known, err := connect(ctx, socket, c.Client)
	if err != nil {
		return nil, err
	}
	r := &Recording{client: known}
	if err := r.create(c); err != nil {
		r.Close()
		return nil, cmp.Or(ctx.Err(), err)
	}
	return r, nil
}

// create makes the stream.
func (r *Recording) create(c Config) error {
	octets := func(d time.Duration) uint32 {
		return uint32(int64(d)*int64(c.Rate)/int64(time.Second)) * 2 * bytesASample
	}
	w := command(commandCreateRecordStream, r.serial)
	w.sampleSpec(formatS16LE, 2, uint32(c.Rate))
	w.channelMap(frontLeft, frontRight)
	w.number(undefined) // the source's index: it is named
	w.text(c.Source)
	w.number(octets(kept))
	w.truth(false) // begin at once
	w.number(octets(c.Fragment))
	const remap, remix, fixFormat, fixRate, fixChannels, variableRate, peaks = false, false, false, false, false, false, false
	for _, flag := range []bool{remap, remix, fixFormat, fixRate, fixChannels, true, variableRate, peaks, true} {
		w.truth(flag) // stay with the source; and have it make fragments as short as ours
	}
	w.properties("media.name", "session")
	w.number(undefined) // all that the source plays, not one stream of it
	answer, err := r.ask(w)
	if err != nil {
		return err
	}
	if r.stream, err = answer.number(); err != nil {
		return err
	}
	for range 3 { // the stream at the source, its longest buffer and its fragment
		if _, err := answer.number(); err != nil {
			return err
		}
	}
	format, channels, rate, err := answer.sampleSpec()
	if err == nil && (format != formatS16LE || channels != 2 || rate != uint32(c.Rate)) {
		err = fmt.Errorf("%w: format %d, %d channels at %d Hz", ErrRefused, format, channels, rate)
	}
	return err
}

// Next returns the next samples, little-endian, left and right in turn; they are valid until the next call.
func (r *Recording) Next() ([]byte, error) {
	if err := r.connection.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	for {
		channel, payload, err := r.receive()
		if err != nil {
			return nil, err
		}
		if channel == r.stream && len(payload) > 0 {
			if len(payload)%(2*bytesASample) != 0 {
				return nil, fmt.Errorf("%w: %d octets are no whole samples", ErrProtocol, len(payload))
			}
			return payload, nil
		}
		if channel != controlChannel {
			continue
		}
		news := &reader{payload}
		if code, err := news.number(); err != nil || code == commandRecordStreamKilled {
			return nil, errors.Join(ErrKilled, err)
		}
	}
}

// Samples reads what Next returned into samples and returns how many there are.
func Samples(samples []int16, octets []byte) int {
	n := min(len(samples), len(octets)/bytesASample)
	for i := range n {
		samples[i] = int16(binary.LittleEndian.Uint16(octets[i*bytesASample:]))
	}
	return n
}
