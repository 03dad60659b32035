//go:build release

package web

import _ "embed"

// A release must hold the pages: without dist/index.html this line does not compile. Run `make build` first.
//
//go:embed dist/index.html
var _ string
