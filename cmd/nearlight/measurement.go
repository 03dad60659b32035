package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"nearlight/internal/media"
)

// The files in a measurement's folder.
const (
	framesFile = "frames.csv"  // a line for each frame sent: its stage times, in nanoseconds of CLOCK_MONOTONIC
	reportFile = "report.json" // what the bench page saw
)

// maxReport bounds a page's report: an hour at 60 frames per second, at some 200 bytes a frame.
const maxReport = 64 << 20

// measurement writes down what a benchmark needs to know of a network. A nil one closes without an error.
type measurement struct {
	folder string

	mu     sync.Mutex
	file   *os.File
	frames *bufio.Writer
	line   []byte
	failed error
}

func openMeasurement(folder string) (*measurement, error) {
	file, err := os.Create(filepath.Join(folder, framesFile))
	if err != nil {
		return nil, fmt.Errorf("open the measurement's file: %w", err)
	}
	return &measurement{folder: folder, file: file, frames: bufio.NewWriterSize(file, 1<<20)}, nil
}

// frame writes one frame's times. The buffer holds some thousand frames, so that the disk is not part of a frame's time.
func (m *measurement) frame(t media.StageTimes) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.line = m.line[:0]
	for i, at := range []media.Instant{t.Damaged, t.GrabBegun, t.Grabbed, t.Converted, t.Encoded, t.Sent} {
		if i > 0 {
			m.line = append(m.line, ',')
		}
		m.line = strconv.AppendInt(m.line, int64(at), 10)
	}
	m.line = append(m.line, '\n')
	if _, err := m.frames.Write(m.line); err != nil && m.failed == nil {
		m.failed = err
	}
}

// report takes the page's report. It appears under its name once it is whole.
func (m *measurement) report(w http.ResponseWriter, r *http.Request) {
	err := func() error {
		file, err := os.CreateTemp(m.folder, reportFile+".*")
		if err != nil {
			return err
		}
		_, err = io.Copy(file, http.MaxBytesReader(w, r.Body, maxReport))
		if err := errors.Join(err, file.Close()); err != nil {
			return err
		}
		return os.Rename(file.Name(), filepath.Join(m.folder, reportFile))
	}()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (m *measurement) close() error {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return errors.Join(m.failed, m.frames.Flush(), m.file.Close())
}
