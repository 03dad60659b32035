package admin_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"nearlight/internal/store"
)

func TestTheAuditLogIsReadFromItsEndByPagesAndByWhatItIsAbout(t *testing.T) {
	h := open(t, filepath.Join(t.TempDir(), "kept.db"))
	at := time.Now().Add(-time.Hour)
	for i := range 7 {
		act := store.Act{ID: fmt.Sprint("a-", i), Kind: store.LeaseGranted, Actor: "jti", Session: "s-1", Edge: "e-1", At: at.Add(time.Duration(i/2) * time.Second)}
		if i == 3 {
			act.Session, act.Edge = "s-3", "e-3"
		}
		if err := h.kept.Write(t.Context(), act); err != nil {
			t.Fatal(err)
		}
	}
	type page struct {
		Acts []struct{ ID string }
		Next string
	}
	all := func(query string) (ids []string) {
		for after := ""; ; {
			p := get[page](h, "/admin/v1/acts?limit=2"+query+after)
			for _, a := range p.Acts {
				ids = append(ids, a.ID)
			}
			if len(p.Acts) > 2 {
				t.Errorf("a page of %d", len(p.Acts))
			}
			if p.Next == "" {
				return ids
			}
			after = "&after=" + p.Next
		}
	}
	for query, want := range map[string][]string{
		"":                              {"a-0", "a-1", "a-2", "a-3", "a-4", "a-5", "a-6"},
		"&order=newest":                 {"a-6", "a-5", "a-4", "a-3", "a-2", "a-1", "a-0"},
		"&order=newest&session=s-3":     {"a-3"},
		"&order=newest&edge=e-1":        {"a-6", "a-5", "a-4", "a-2", "a-1", "a-0"},
		"&edge=e-1&session=s-3":         nil,
		"&order=oldest&edge=e-%27%20OR": nil,
		"&session=s-1&since=2001-01-01T00:00:00Z": {"a-0", "a-1", "a-2", "a-4", "a-5", "a-6"},
	} {
		if got := all(query); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
}
