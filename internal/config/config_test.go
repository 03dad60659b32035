package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func parse(t *testing.T, arguments, environment []string, text string) (*pflag.FlagSet, map[string]Source, error) {
	t.Helper()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	flags.Int("fps", 60, "")
	flags.String("media-port", "0", "")
	if err := flags.Parse(arguments); err != nil {
		t.Fatal(err)
	}
	var file *File
	if text != "" {
		var err error
		if file, err = ReadFile("nearlight.yaml", strings.NewReader(text)); err != nil {
			return flags, nil, err
		}
	}
	sources, err := Apply(flags, environment, file, func(name string) bool {
		return flags.Lookup(name) != nil || name == "of-another-command"
	})
	return flags, sources, err
}

func TestAFlagWinsOverTheEnvironmentOverTheFileOverTheDefault(t *testing.T) {
	environment := []string{"NEARLIGHT_FPS=50", "PATH=/bin"}
	for _, step := range []struct {
		reason      string
		arguments   []string
		environment []string
		file        string
		want        string
		source      Source
	}{
		{"all three given", []string{"--fps", "40"}, environment, "fps: 30", "40", FromFlag},
		{"no flag", nil, environment, "fps: 30", "50", FromEnvironment},
		{"only the file", nil, nil, "fps: 30\nof-another-command: x", "30", FromFile},
		{"nothing", nil, nil, "", "60", FromDefault},
	} {
		flags, sources, err := parse(t, step.arguments, step.environment, step.file)
		if err != nil {
			t.Errorf("%s: %v", step.reason, err)
			continue
		}
		if got := flags.Lookup("fps").Value.String(); got != step.want || sources["fps"] != step.source {
			t.Errorf("%s: got %s from %s, want %s from %s", step.reason, got, sources["fps"], step.want, step.source)
		}
	}
}

func TestABadSettingIsRefusedByName(t *testing.T) {
	for _, step := range []struct{ reason, environment, file, names string }{
		{"misspelt in the environment", "NEARLIGHT_FSP=1", "", "fsp"},
		{"misspelt in the file", "", "fsp: 1", "fsp"},
		{"not a number", "NEARLIGHT_FPS=many", "", "fps"},
		{"a list where one value belongs", "", "fps: [1, 2]", "fps"},
		{"not a mapping", "", "- fps", "nearlight.yaml"},
		{"given twice", "", "fps: 1\nfps: 2", "fps"},
	} {
		var environment []string
		if step.environment != "" {
			environment = []string{step.environment}
		}
		if _, _, err := parse(t, nil, environment, step.file); !errors.Is(err, ErrSetting) || !strings.Contains(err.Error(), step.names) {
			t.Errorf("%s: error %v does not name %q", step.reason, err, step.names)
		}
	}
}

func FuzzReadFile(f *testing.F) {
	f.Add("fps: 30")
	f.Add("a: &a [*a]")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := ReadFile("fuzz", strings.NewReader(text))
		if (file == nil) == (err == nil) {
			t.Error("want a file or an error")
		}
	})
}
