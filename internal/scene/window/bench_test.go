//go:build linux && cgo

package window_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nearlight/internal/marker"
	"nearlight/internal/media"
	"nearlight/internal/scene/window"
)

// BenchmarkPicture is a picture at 1280x720 on an Xvfb, 60 a second: the CPU time that the game and the display spend on
// each. One operation is one picture, so use -benchtime 600x for ten seconds.
func BenchmarkPicture(b *testing.B) {
	s := startServer(b, media.Size{Width: 1280, Height: 720})
	stop := play(b, window.Config{Measure: true})
	first := s.await("a marker", anyMarker)
	const warmUp = 60
	first = s.await("warmth", func(m marker.Stamp) bool { return m.Counter-first.Counter >= warmUp })
	ours, theirs, begun := ownTime(), s.processTime(), time.Now()
	var last marker.Stamp
	for last = first; int(last.Counter-first.Counter) < b.N; {
		<-time.After(100 * time.Millisecond) // seldom, so that looking costs nothing
		last, _ = s.stamp()
		if last == (marker.Stamp{}) {
			last = first
		}
	}
	n := float64(last.Counter - first.Counter)
	b.ReportMetric(float64((ownTime()-ours).Microseconds())/1000/n, "app-cpu-ms/op")
	b.ReportMetric(float64((s.processTime()-theirs).Microseconds())/1000/n, "display-cpu-ms/op")
	b.ReportMetric(n/time.Since(begun).Seconds(), "pictures/s")
	if err := stop(); err != nil {
		b.Error(err)
	}
}

func ownTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// processTime is the CPU time that the server has used, to a hundredth of a second.
func (s *server) processTime() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.process.Process.Pid))
	if err != nil {
		s.t.Fatal(err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var user, system int64
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		s.t.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}
