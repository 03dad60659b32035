// Package web holds the pages that nearlight serves: what `npm run build` left in dist, inside the program. A program that
// was built without them serves a page that says so; the build tag release refuses to be built like that.
//
// Everything here is read-only and safe for concurrent use.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

const (
	indexPage       = "index.html"
	placeholderPage = "placeholder.html"
)

// Pages returns the built pages, index.html at their root, and true. Without npm's build it returns a single index.html
// that says how to make them, and false.
func Pages() (fs.FS, bool) {
	root, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // "dist" is a valid path: fs.Sub checks nothing else
	}
	return pages(root)
}

func pages(root fs.FS) (fs.FS, bool) {
	if info, err := fs.Stat(root, indexPage); err == nil && info.Mode().IsRegular() {
		return root, true
	}
	return placeholder{root}, false
}

// placeholder shows placeholder.html under the name of index.html and nothing else.
type placeholder struct{ root fs.FS }

func (p placeholder) Open(name string) (fs.File, error) {
	switch name {
	case ".":
		return p.root.Open(".")
	case indexPage:
		return p.root.Open(placeholderPage)
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}
