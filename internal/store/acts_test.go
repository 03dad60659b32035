package store

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"nearlight/signaling"
)

func TestActsAreFoundFromEitherEndByTheirSessionAndTheirEdge(t *testing.T) {
	onEach(t, func(t *testing.T, database string) {
		s := opened(t, Config{Database: database})
		var entries []Entry
		for i := range 40 { // four at the same instant each
			a := Act{ID: fmt.Sprintf("a-%02d", i), Kind: LeaseGranted, At: epoch.Add(time.Duration(i/4) * time.Second)}
			if i%2 == 0 {
				a.Edge = signaling.EdgeID(fmt.Sprint("e-", i%4)) // e-0, e-2
			}
			if i%5 == 0 {
				a.Session = signaling.SessionID(fmt.Sprint("s-", i%10)) // s-0, s-5
			}
			entries = append(entries, a)
		}
		wrote(t, s, entries...)
		every := func(step, from int) (ids []string) {
			for i := from; i < 40; i += step {
				ids = append(ids, fmt.Sprintf("a-%02d", i))
			}
			return ids
		}
		for _, step := range []struct {
			why  string
			of   ActQuery
			want []string
		}{
			{"all", ActQuery{}, every(1, 0)},
			{"one edge's", ActQuery{Edge: "e-2"}, every(4, 2)},
			{"one session's, which has no edge", ActQuery{Session: "s-5"}, every(10, 5)},
			{"both", ActQuery{Session: "s-0", Edge: "e-0"}, every(20, 0)},
			{"an edge that has done nothing", ActQuery{Edge: "e-1"}, nil},
			{"no pattern", ActQuery{Edge: "e-%' OR ''='"}, nil},
		} {
			for _, newest := range []bool{false, true} {
				for _, limit := range []int{0, 3, MaxPage + 1} {
					q, want := step.of, slices.Clone(step.want)
					if q.Newest, q.Limit = newest, limit; newest {
						slices.Reverse(want)
					}
					var got []string
					for {
						page, err := s.Acts(t.Context(), q)
						if err != nil {
							t.Fatal(err)
						}
						for _, a := range page {
							got = append(got, a.ID)
							q.After = Page{a.At, a.ID}
						}
						if len(page) == 0 {
							break
						}
						if limit == 3 && len(page) > 3 {
							t.Errorf("%s: a page of %d", step.why, len(page))
						}
					}
					if !slices.Equal(got, want) {
						t.Errorf("%s, newest first %v, limit %d: %v, want %v", step.why, newest, limit, got, want)
					}
				}
			}
		}
	})
}

func TestAnEdgesActsAreReadByTheirIndexAndNotSorted(t *testing.T) {
	s := opened(t, Config{Database: engines[0].database(t)})
	text, values := ActQuery{Edge: "e-1", Newest: true, Limit: 50}.statement()
	var plan []string
	err := each(t.Context(), s.engine.read, func(rows *sql.Rows) error {
		var id, parent, unused int
		var detail string
		err := rows.Scan(&id, &parent, &unused, &detail)
		plan = append(plan, detail)
		return err
	}, "EXPLAIN QUERY PLAN "+text, values...)
	if got := strings.Join(plan, "; "); err != nil || !strings.Contains(got, "INDEX acts_edge") || strings.Contains(got, "TEMP B-TREE") {
		t.Errorf("%s %v", got, err)
	}
}
