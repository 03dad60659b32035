package viewer

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/semaphore"

	"nearlight/internal/decode"
	"nearlight/internal/media"
)

// How many whole access units may wait for the decoder, and of how many octets all together: an edge may send what it likes. Whoever is behind by more makes
// the network wait.
const (
	waitingUnits  = 64
	waitingOctets = 2 * maxAccessUnit
	// spareOctets is the largest memory that is kept for later units.
	spareOctets = 1 << 20
)

// ErrDecoder reports that this machine cannot decode what it has accepted, whatever came.
var ErrDecoder = errors.New("the decoder does not open")

// show decodes access units, where that is wanted, and hands pictures to the watcher, on a goroutine of its own.
type show struct {
	viewer *Viewer
	units  chan showing
	room   *semaphore.Weighted // octets of what waits
	spare  chan []byte         // memory of units that were shown
	failed chan error          // of capacity 1; then nothing more is shown
	ended  chan struct{}

	decoder *decode.Decoder // nil where pictures are not wanted
	epoch   int
}

type showing struct {
	unit  AccessUnit
	epoch int
}

func newShow(v *Viewer) *show {
	s := &show{
		viewer: v, units: make(chan showing, waitingUnits), room: semaphore.NewWeighted(waitingOctets), spare: make(chan []byte, waitingUnits+1), failed: make(chan error, 1), ended: make(chan struct{}),
	}
	go s.run()
	return s
}

// push adds a unit, which is copied.
func (s *show) push(unit *AccessUnit, epoch int) {
	var memory []byte
	select {
	case memory = <-s.spare:
	default:
	}
	_ = s.room.Acquire(context.Background(), int64(len(unit.Data))) // whoever shows goes on until all is shown, whatever comes
	copied := *unit
	copied.Data = append(memory[:0], unit.Data...)
	s.units <- showing{copied, epoch}
}

// close waits for what was pushed to be shown. It returns what the decoder says at its end.
func (s *show) close() error {
	close(s.units)
	<-s.ended
	return s.closeDecoder()
}

func (s *show) closeDecoder() error {
	if s.decoder == nil {
		return nil
	}
	decoder := s.decoder
	s.decoder = nil
	return decoder.Close()
}

func (s *show) run() {
	defer close(s.ended)
	broken := false
	for showing := range s.units {
		s.room.Release(int64(len(showing.unit.Data)))
		if broken {
			continue
		}
		if err := s.one(&showing.unit, showing.epoch); err != nil {
			s.failed <- err
			broken = true
		}
		if cap(showing.unit.Data) > spareOctets {
			continue
		}
		select {
		case s.spare <- showing.unit.Data:
		default:
		}
	}
}

func (s *show) one(unit *AccessUnit, epoch int) error {
	if s.viewer.decode && epoch != s.epoch {
		decoder, err := decode.Open(unit.Codec)
		if err = errors.Join(err, s.closeDecoder()); err != nil {
			return fmt.Errorf("%w: %w", ErrDecoder, err)
		}
		s.decoder, s.epoch = decoder, epoch
	}
	frame := Frame{Codec: unit.Codec, RTP: unit.RTP, FirstPacket: unit.FirstPacket, LastPacket: unit.LastPacket, Coded: unit.Data, Bytes: len(unit.Data)}
	if s.decoder != nil {
		picture, err := s.decoder.Decode(unit.Data)
		if err != nil {
			return fmt.Errorf("decode a frame: %w", err)
		}
		if picture == nil {
			return nil
		}
		frame.Picture, frame.Decoded = picture, media.Now()
	}
	s.viewer.watcher.Frame(frame)
	return nil
}
