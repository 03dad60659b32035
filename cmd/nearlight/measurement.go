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
	"nearlight/streamer/control"
)

// The files in a measurement's folder.
const (
	framesFile = "frames.csv"  // a line for each frame sent: its stage times, in nanoseconds of CLOCK_MONOTONIC
	inputsFile = "inputs.csv"  // a line for each key pressed: its sequence, and when the edge had it
	reportFile = "report.json" // what the bench page saw
)

// maxReport bounds a page's report: an hour at 60 frames per second, at some 200 bytes a frame.
const maxReport = 64 << 20

// measurement writes down what a benchmark needs to know of a network. A nil one closes without an error.
type measurement struct {
	folder string

	mu             sync.Mutex
	files          [2]*os.File
	frames, inputs *bufio.Writer
	line           []byte
	failed         error
}

func openMeasurement(folder string) (*measurement, error) {
	m := &measurement{folder: folder}
	for i, name := range [...]string{framesFile, inputsFile} {
		file, err := os.Create(filepath.Join(folder, name))
		if err != nil {
			err = fmt.Errorf("open the measurement's file: %w", err)
			if i > 0 {
				err = errors.Join(err, m.files[0].Close())
			}
			return nil, err
		}
		m.files[i] = file
	}
	m.frames, m.inputs = bufio.NewWriterSize(m.files[0], 1<<20), bufio.NewWriterSize(m.files[1], 1<<16)
	return m, nil
}

// input writes when a key that was pressed came.
func (m *measurement) input(message control.Message, at media.Instant) {
	key, is := message.(*control.Key)
	if !is || !key.Down {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.line = strconv.AppendUint(m.line[:0], uint64(key.Seq), 10)
	m.line = strconv.AppendInt(append(m.line, ','), int64(at), 10)
	if _, err := m.inputs.Write(append(m.line, '\n')); err != nil && m.failed == nil {
		m.failed = err
	}
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
	return errors.Join(m.failed, m.frames.Flush(), m.inputs.Flush(), m.files[0].Close(), m.files[1].Close())
}
