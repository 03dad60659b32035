package beacon

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Errors of OpenLocal.
var (
	ErrReadable = errors.New("beacon: others can read the file, and so know rounds before their time")
	ErrOrigin   = errors.New("beacon: not the file of a local chain")
)

// origin is the form of an Origin's file.
type origin struct {
	Seed    string `json:"seed"`
	Genesis int64  `json:"genesis"` // in seconds since 1970
	Period  int64  `json:"period"`  // in seconds
}

// OpenLocal returns the chain whose origin is in a file, so that it goes on where it was. Where there is no file it begins a chain and writes it, for the
// owner alone. A file of a chain with another period is refused: that would be another chain.
func OpenLocal(path string, period time.Duration) (*Local, error) {
	o, err := readOrigin(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		o = NewOrigin(period)
		l, err := NewLocal(o) // before a file is left behind
		if err != nil {
			return nil, err
		}
		return l, writeOrigin(path, o)
	case err != nil:
		return nil, err
	case o.Period != period:
		return nil, fmt.Errorf("beacon: the chain of %s has a round every %v, not every %v; keep to that, or begin another in another file", path, o.Period, period)
	}
	return NewLocal(o)
}

func readOrigin(path string) (_ Origin, err error) {
	file, err := os.Open(path)
	if err != nil {
		return Origin{}, fmt.Errorf("beacon: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	about, err := file.Stat()
	if err != nil {
		return Origin{}, fmt.Errorf("beacon: %w", err)
	}
	if about.Mode().Perm()&0o077 != 0 {
		return Origin{}, fmt.Errorf("%w: %s; chmod 600 it if nobody has, else remove it", ErrReadable, path)
	}
	text, err := io.ReadAll(io.LimitReader(file, MaxAnswer+1))
	if err != nil {
		return Origin{}, fmt.Errorf("beacon: %s: %w", path, err)
	}
	o, err := parseOrigin(text)
	if err != nil {
		return Origin{}, fmt.Errorf("%w (%s)", err, path)
	}
	return o, nil
}

func parseOrigin(text []byte) (Origin, error) {
	var read origin
	if err := decode(text, &read); err != nil {
		return Origin{}, fmt.Errorf("%w: %w", ErrOrigin, err)
	}
	if read.Period < 1 || read.Period > int64(MaxPeriod/time.Second) || read.Genesis < 0 || read.Genesis > maxGenesis {
		return Origin{}, fmt.Errorf("%w: a period of %d s from %d on", ErrOrigin, read.Period, read.Genesis)
	}
	o := Origin{Genesis: time.Unix(read.Genesis, 0), Period: time.Duration(read.Period) * time.Second}
	if err := digits(o.Seed[:], read.Seed); err != nil {
		return Origin{}, fmt.Errorf("%w: the seed: %w", ErrOrigin, err)
	}
	return o, nil
}

// writeOrigin makes the file, which is whole or not there after a crash.
func writeOrigin(path string, o Origin) error {
	text, err := json.Marshal(origin{Seed: hex.EncodeToString(o.Seed[:]), Genesis: o.Genesis.Unix(), Period: int64(o.Period / time.Second)})
	if err != nil {
		return fmt.Errorf("beacon: %w", err)
	}
	beside := path + ".new"
	file, err := os.OpenFile(beside, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("beacon: %w", err)
	}
	_, err = file.Write(append(text, '\n'))
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(beside, path)
	}
	if err != nil {
		return fmt.Errorf("beacon: write %s: %w", path, errors.Join(err, os.Remove(beside)))
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("beacon: %w", err)
	}
	return errors.Join(folder.Sync(), folder.Close())
}
