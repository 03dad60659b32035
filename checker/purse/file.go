package purse

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"nearlight/signaling/token"
)

// line is one of the file: a token that was left, or one that was used.
type line struct {
	Token string `json:"token,omitempty"`
	Owner string `json:"owner,omitempty"`
	Used  string `json:"used,omitempty"`  // its jti
	Until int64  `json:"until,omitempty"` // when it expires, in seconds since 1970
}

// maxLine is of octets: a token, its owner and what is around them.
const maxLine = token.MaxLength + 1024

// file is one that lines are appended to.
type file struct {
	*os.File
	size  int64
	lines int
}

// readFile reads all lines of a file, none where there is no file. A last one without an end was told to nobody.
func readFile(path string) ([]line, error) {
	in, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	lines, err := readLines(in)
	if err = errors.Join(err, in.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return lines, nil
}

func readLines(in io.Reader) (all []line, err error) {
	reader := bufio.NewReaderSize(in, maxLine)
	for number := 1; ; number++ {
		text, err := reader.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		var l line
		if err == nil {
			decoder := json.NewDecoder(bytes.NewReader(text))
			decoder.DisallowUnknownFields()
			err = decoder.Decode(&l)
		}
		if err == nil && (l.Token == "") == (l.Used == "") {
			err = errors.New("want a token, or one that was used")
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		all = append(all, l)
	}
}

// writeFile writes a file anew, whole or not at all.
func writeFile(path string, lines []line) (_ *file, err error) {
	text, err := encode(lines)
	if err != nil {
		return nil, err
	}
	fresh := path + ".new"
	out, err := os.OpenFile(fresh, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, out.Close())
		}
	}()
	if _, err := out.Write(text); err != nil {
		return nil, err
	}
	if err := out.Sync(); err != nil {
		return nil, err
	}
	if err := os.Rename(fresh, path); err != nil {
		return nil, err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	if err := errors.Join(folder.Sync(), folder.Close()); err != nil {
		return nil, err
	}
	return &file{out, int64(len(text)), len(lines)}, nil
}

// append adds lines. They are on the disk when it returns without an error, and not in the file otherwise.
func (f *file) append(lines ...line) error {
	text, err := encode(lines)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(text, f.size)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return errors.Join(err, f.Truncate(f.size))
	}
	f.size += int64(len(text))
	f.lines += len(lines)
	return nil
}

func (f *file) close() error { return f.Close() }

func encode(lines []line) ([]byte, error) {
	var text []byte
	for _, l := range lines {
		one, err := json.Marshal(l)
		if err != nil {
			return nil, err
		}
		text = append(append(text, one...), '\n')
	}
	return text, nil
}
