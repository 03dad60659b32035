package audio

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"nearlight/internal/media"
)

// The server's one source besides the sink's monitor: what the player says, or silence. Apps that ask for none by name record it.
const (
	microphone             = "microphone"
	microphoneName         = "Microphone"
	microphoneFolderInside = "/run/microphone"
	pipeName               = "pipe"
)

// The sound that a Voice makes: signed 16-bit, one channel.
const (
	VoiceRate = SampleRate
	// VoiceTime is how much of it is handed to the server at once while somebody speaks, and VoiceSamples that in samples. Less costs
	// wake-ups; a frame of the player's is no shorter.
	VoiceTime    = 10 * time.Millisecond
	VoiceSamples = int(VoiceRate * VoiceTime / time.Second)
)

const (
	// quietTime is how much silence is handed on at once, while nobody speaks: so many wake-ups fewer.
	quietTime = 5 * VoiceTime
	// early is how much before its end a piece may be handed on: a tick may come a little before or after the one that it is for.
	early = time.Millisecond
	// mostOverdue is how much is made up for where this process got no time; what is older is left out.
	mostOverdue = 200 * time.Millisecond
	// pipeLength bounds what waits for a server that does not read, in octets: 85 ms of sound, which quietTime fits into.
	pipeLength = 8192
	// mostInPipe is how much may lie there, in octets, of a server that takes it as time goes by: that much later is all that follows.
	mostInPipe = 2 * (2 * VoiceSamples)
	// pipeRetry is how soon a pipe that cannot be opened is looked at again: the server that was there has ended, or is just up.
	pipeRetry = 50 * time.Millisecond
)

// Voice is what the session's microphone hears.
type Voice interface {
	// Pull fills samples, VoiceSamples of them, with what was said up to an instant, and reports whether anybody speaks; if not, they
	// are silence. It is called from the goroutine that calls Speak, for every VoiceTime; while somebody speaks, at that instant.
	Pull(samples []int16, until media.Instant) bool
}

// Speak gives the session what it is to record from its microphone until ctx ends, whose cause it returns. Without it, what is recorded
// does not go on. It is called by one at a time.
//
// The source is fed through a pipe: the server hands on what it reads from it as soon as it comes, and keeps no time of its own.
func (s *Server) Speak(ctx context.Context, voice Voice) error {
	for {
		if err := s.Up(ctx); err != nil {
			return err
		}
		err := s.feed(ctx, voice)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		s.log.Debug("the microphone is not heard for a while", "reason", err)
		sleep(ctx, pipeRetry)
	}
}

// Unspoken is how many pieces of VoiceTime were lost because the server did not read.
func (s *Server) Unspoken() uint64 { return s.unspoken.Load() }

func (s *Server) pipe() string { return filepath.Join(s.microphoneFolder(), pipeName) }

// openPipe opens the pipe that the server made. The server might have put anything else there.
func (s *Server) openPipe() (fd int, err error) {
	fd, err = unix.Open(s.pipe(), unix.O_WRONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open the microphone's pipe: %w", err)
	}
	var is unix.Stat_t
	if err := unix.Fstat(fd, &is); err != nil || is.Mode&unix.S_IFMT != unix.S_IFIFO {
		return -1, errors.Join(fmt.Errorf("the microphone's pipe is none (mode %o)", is.Mode), err, unix.Close(fd))
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, pipeLength); err != nil {
		return -1, errors.Join(fmt.Errorf("shorten the microphone's pipe: %w", err), unix.Close(fd))
	}
	return fd, nil
}

// feed writes what is said until nobody reads the pipe any more.
func (s *Server) feed(ctx context.Context, voice Voice) (err error) {
	fd, err := s.openPipe()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unix.Close(fd)) }()
	var samples [VoiceSamples]int16
	var octets [2 * VoiceSamples]byte
	speaking := false
	written := media.Now() // up to when there is sound; ticks come at the ends of its pieces
	ticker := time.NewTicker(quietTime)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
		now := media.Now()
		if now.Sub(written) > mostOverdue {
			written = now.Add(-mostOverdue)
		}
		said := false
		for now.Sub(written) >= VoiceTime-early {
			written = written.Add(VoiceTime)
			spoken := voice.Pull(samples[:], written)
			if said = said || spoken; s.config.Kind.hushes {
				if !spoken {
					continue
				}
				switch full, err := pipeFull(fd); {
				case err != nil:
					return err
				case full:
					s.unspoken.Add(1)
					continue
				}
			}
			for i, sample := range samples {
				octets[2*i], octets[2*i+1] = byte(sample), byte(sample>>8)
			}
			switch _, err := unix.Write(fd, octets[:]); {
			case errors.Is(err, unix.EAGAIN):
				s.unspoken.Add(1)
			case err != nil:
				return fmt.Errorf("write to the microphone's pipe: %w", err)
			}
		}
		if said != speaking {
			pause := quietTime
			if speaking = said; speaking {
				pause = VoiceTime
			}
			written = media.Now()
			ticker.Reset(pause)
		}
	}
}

// pipeFull reports whether more than mostInPipe lies in a pipe. It is an error if nobody reads it any more.
func pipeFull(fd int) (bool, error) {
	lies, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
	if err != nil {
		return false, fmt.Errorf("look at the microphone's pipe: %w", err)
	}
	if lies <= mostInPipe {
		return false, nil
	}
	watched := []unix.PollFd{{Fd: int32(fd)}}
	if _, err := unix.Poll(watched, 0); err == nil && watched[0].Revents&unix.POLLERR != 0 {
		return true, fmt.Errorf("write to the microphone's pipe: %w", unix.EPIPE)
	}
	return true, nil
}
