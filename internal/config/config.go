// Package config answers where a setting's value comes from: a flag, else the environment, else a file, else its default.
//
// The command line's flags are the one list of settings there is: flag --media-port is NEARLIGHT_MEDIA_PORT in the environment
// and media-port in the file, and the flag's own parser checks all three. Nothing here is safe for concurrent use.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// Prefix begins the name of each environment variable that is a setting.
const Prefix = "NEARLIGHT_"

// MaxFile bounds a settings file, in bytes.
const MaxFile = 1 << 20

// ErrSetting reports a setting that is unknown or has a value that cannot be used; the message names it and its source.
var ErrSetting = errors.New("bad setting")

// Source says where a setting's value came from.
type Source string

// The sources in the order in which they win. From the environment or a file the variable's or the file's name follows.
const (
	FromFlag        Source = "flag"
	FromEnvironment Source = "environment"
	FromFile        Source = "file"
	FromDefault     Source = "default"
)

// File is a settings file that has been read.
type File struct {
	Name   string
	values map[string]string
}

// ReadFile parses a settings file: a YAML mapping of setting to scalar. The result knows nothing of which settings exist.
func ReadFile(name string, r io.Reader) (*File, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read settings file %s: %w", name, err)
	}
	if len(text) > MaxFile {
		return nil, fmt.Errorf("%w: settings file %s is larger than %d bytes", ErrSetting, name, MaxFile)
	}
	var nodes map[string]yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&nodes); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: settings file %s: %w", ErrSetting, name, err)
	}
	file := &File{Name: name, values: map[string]string{}}
	for key, node := range nodes {
		if node.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("%w: settings file %s, line %d: %s: want one value, for example %s: 1", ErrSetting, name, node.Line, key, key)
		}
		file.values[key] = node.Value
	}
	return file, nil
}

// Apply gives each flag that was not on the command line its value from the environment or the file (nil for none), and
// returns each flag's source. known tells whether a setting exists in any command: one file and one environment serve them
// all, so that a setting of another command is no error, and a misspelt one is.
func Apply(flags *pflag.FlagSet, environment []string, file *File, known func(name string) bool) (map[string]Source, error) {
	variables := map[string]string{}
	for _, entry := range environment {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, Prefix) {
			continue
		}
		setting := strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, Prefix)), "_", "-")
		if !known(setting) {
			return nil, fmt.Errorf("%w: environment variable %s: there is no setting %s; `nearlight config` lists them", ErrSetting, name, setting)
		}
		variables[setting] = value
	}
	var fromFile map[string]string
	if file != nil {
		fromFile = file.values
		for _, name := range sortedKeys(fromFile) {
			if !known(name) {
				return nil, fmt.Errorf("%w: settings file %s: there is no setting %s; `nearlight config` lists them", ErrSetting, file.Name, name)
			}
		}
	}
	sources := map[string]Source{}
	var failure error
	flags.VisitAll(func(flag *pflag.Flag) {
		value, source, where := "", FromDefault, ""
		if flag.Changed {
			sources[flag.Name] = FromFlag
			return
		}
		if v, ok := variables[flag.Name]; ok {
			value, source = v, FromEnvironment
			where = Prefix + strings.ReplaceAll(strings.ToUpper(flag.Name), "-", "_") + " in the environment"
		} else if v, ok := fromFile[flag.Name]; ok {
			value, source, where = v, FromFile, "settings file "+file.Name
		}
		sources[flag.Name] = source
		if source == FromDefault || failure != nil {
			return
		}
		if err := flags.Set(flag.Name, value); err != nil {
			failure = fmt.Errorf("%w: %s: %w", ErrSetting, where, err)
		}
	})
	return sources, failure
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
