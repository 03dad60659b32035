package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// sequential are the packages that the Makefile tests without the race detector.
func sequential(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^SEQUENTIAL := (.+)$`).FindSubmatch(text)
	if found == nil {
		t.Fatal("the Makefile has no SEQUENTIAL")
	}
	return strings.Fields(string(found[1]))
}

func TestWhatIsTestedWithoutTheRaceDetectorStartsNoGoroutine(t *testing.T) {
	for _, folder := range sequential(t) {
		files, err := filepath.Glob(filepath.Join("../..", folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", folder, len(files), err)
		}
		for _, path := range files {
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, imported := range file.Imports {
				if name := strings.Trim(imported.Path.Value, `"`); name == "sync" || name == "sync/atomic" || strings.HasSuffix(name, "/errgroup") {
					t.Errorf("%s imports %s: take its package out of the Makefile's SEQUENTIAL", path, name)
				}
			}
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.GoStmt, *ast.ChanType:
					t.Errorf("%v: goroutines or channels: take the package out of the Makefile's SEQUENTIAL", set.Position(n.Pos()))
				case *ast.CallExpr:
					if called, ok := n.Fun.(*ast.SelectorExpr); ok && (called.Sel.Name == "Parallel" || called.Sel.Name == "RunParallel") {
						t.Errorf("%v: tests beside each other: take the package out of the Makefile's SEQUENTIAL", set.Position(n.Pos()))
					}
				}
				return true
			})
		}
	}
}
