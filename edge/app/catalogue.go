package app

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"nearlight/edge/sandbox"
)

// ErrUnknown reports a name that the catalogue does not have.
var ErrUnknown = errors.New("unknown app")

//go:embed catalogue.yaml
var embeddedCatalogue []byte

//go:embed pictures/*.svg
var pictures embed.FS

// Catalogue lists the apps that an edge offers, in the order in which they are shown. It does not change.
type Catalogue struct {
	apps []Description
}

// Embedded is the catalogue that Nearlight comes with.
func Embedded() (*Catalogue, error) { return Parse(embeddedCatalogue) }

// namePattern keeps names fit for command lines, URLs and file names.
var namePattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// packagePattern is what Debian allows (Policy 5.6.7).
var packagePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+$`)

// Parse reads a catalogue in YAML: a list of apps. Unknown keys are refused, and so is an app that could not be shown
// or started.
func Parse(text []byte) (*Catalogue, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	c := &Catalogue{}
	if err := decoder.Decode(&c.apps); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the catalogue: %w", err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("reading the catalogue: more than one document")
	}
	seen := map[string]bool{}
	for n := range c.apps {
		app := &c.apps[n]
		if err := app.check(); err != nil {
			return nil, fmt.Errorf("reading the catalogue: app %d, %q: %w", n+1, app.Name, err)
		}
		if seen[app.Name] {
			return nil, fmt.Errorf("reading the catalogue: two apps are called %q", app.Name)
		}
		seen[app.Name] = true
	}
	return c, nil
}

func (d *Description) check() error {
	if d.Pointer == "" {
		d.Pointer = PointerUnused
	}
	switch {
	case !namePattern.MatchString(d.Name):
		return fmt.Errorf("the name must match %v", namePattern)
	case d.Title == "" || d.Summary == "":
		return errors.New("title and summary must be set")
	case d.Own == (d.Program != ""):
		return errors.New("either program or own must be set")
	case d.Package != "" && !packagePattern.MatchString(d.Package):
		return fmt.Errorf("package %q is no package's name", d.Package)
	case d.Pointer != PointerUnused && d.Pointer != PointerUseful && d.Pointer != PointerNeeded:
		return fmt.Errorf("pointer %q: want unused, useful or needed", d.Pointer)
	}
	for _, file := range d.Files {
		if !filepath.IsLocal(file.Path) {
			return fmt.Errorf("file %q does not lie in the home folder", file.Path)
		}
	}
	environments := []map[string]string{d.Environment}
	if d.WithoutGPU != nil {
		environments = append(environments, d.WithoutGPU.Environment)
	}
	for _, environment := range environments {
		for name := range environment {
			if name == "" || strings.ContainsAny(name, "=\x00") {
				return fmt.Errorf("environment %q is no variable's name", name)
			}
		}
	}
	for _, key := range d.Keys {
		if len(key.Keys) == 0 || key.Does == "" {
			return errors.New("each of keys needs keys and does")
		}
	}
	return nil
}

// Apps lists all apps that players are shown.
func (c *Catalogue) Apps() []Description { return c.which(false) }

// Hidden lists the others.
func (c *Catalogue) Hidden() []Description { return c.which(true) }

func (c *Catalogue) which(hidden bool) (apps []Description) {
	for _, d := range c.apps {
		if d.Hidden == hidden {
			apps = append(apps, d)
		}
	}
	return apps
}

// Lookup finds an app by name, hidden or not. The error wraps ErrUnknown and lists the names that are shown.
func (c *Catalogue) Lookup(name string) (Description, error) {
	var names []string
	for _, app := range c.apps {
		if app.Name == name {
			return app, nil
		}
		if !app.Hidden {
			names = append(names, app.Name)
		}
	}
	return Description{}, fmt.Errorf("%w %q: the catalogue has %s", ErrUnknown, name, strings.Join(names, ", "))
}

// Installed reports whether the app's program is on this machine.
func (d Description) Installed() bool {
	if d.Own {
		return true
	}
	_, err := sandbox.Look(d.Program, nil)
	return err == nil
}

// Pictures holds a picture in SVG, 16:9, for each app of the embedded catalogue: NAME.svg.
func Pictures() fs.FS {
	files, err := fs.Sub(pictures, "pictures")
	if err != nil {
		panic("the folder is embedded: " + err.Error())
	}
	return files
}
