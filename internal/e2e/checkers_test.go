//go:build cgo

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"nearlight/checker/challenge"
	"nearlight/checker/challenge/redraw"
	"nearlight/checker/duty"
	"nearlight/checker/epoch"
	"nearlight/internal/e2e/e2etest"
	"nearlight/internal/media"
	"nearlight/internal/scene/arena"
	"nearlight/internal/scene/gles"
	"nearlight/signaling/admin"
)

// aCheck is how long a small committee may take: visits one after the other, and the time in which reports are shown.
const aCheck = 5 * time.Minute

// needsPainter skips what needs OpenGL.
func needsPainter(t *testing.T) {
	t.Helper()
	painter, err := redraw.Open(arena.Task{Seed: 1, Objects: 1}, media.Size{Width: 640, Height: 360})
	if errors.Is(err, gles.ErrUnavailable) {
		t.Skipf("SKIPPED %s: EGL has no renderer here, so no checker can draw: %v", t.Name(), err)
	}
	if err != nil {
		t.Fatal(err)
	}
	painter.Close()
}

// operate finds the operator's page in what `up` prints.
var operate = regexp.MustCompile(`(?m)^operate: (http://\S+)/#token=(\w+)&tab=Checks$`)

// checks is what an operator sees of the checks.
func checks(t *testing.T, up *e2etest.Program) (seen admin.Checks) {
	t.Helper()
	link := operate.FindStringSubmatch(up.Stdout())
	if link == nil {
		t.Fatalf("there is no link for operators in %q", up.Stdout())
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link[1]+"/admin/v1/checks", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+link[2])
	body := fetch(t, request)
	if err := json.Unmarshal(body, &seen); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return seen
}

func fetch(t *testing.T, request *http.Request) []byte {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v: %s", request.URL, response.Status, err, body)
	}
	return body
}

// verified is what an epoch's log comes to, as anybody may ask for it.
func verified(t *testing.T, url string) epoch.Checked {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/checks/epochs/1", nil)
	if err != nil {
		t.Fatal(err)
	}
	checked, err := epoch.Verify(strings.NewReader(string(fetch(t, request))))
	if err != nil {
		t.Fatal(err)
	}
	if len(checked.Differences) > 0 {
		t.Errorf("the log differs: %q", checked.Differences)
	}
	return checked
}

func TestACommitteeOfCheckersFindsTheLiarAndTheSilentOne(t *testing.T) {
	t.Parallel()
	needsPainter(t)
	up := start(t, e2etest.Still(t), "--checkers", "5", "--checker-conduct", "honest,honest,honest,liar,silent", "--encoder", "x264")
	e2etest.Eventually(t, aCheck, "the edge's enrolment is decided", func() bool {
		v := checks(t, up).Verdicts
		return len(v) > 0 && v[len(v)-1].Result != "undecided"
	})
	seen := checks(t, up)
	verdict := seen.Verdicts[len(seen.Verdicts)-1]
	for _, f := range verdict.Findings {
		t.Logf("%s: %v %s, required %s: met %t, by %d", f.Question, f.Figure, f.Unit, f.Required, f.Met, f.Counted)
	}
	counts := make(map[string]int)
	for _, conduct := range verdict.Conduct {
		counts[conduct]++
	}
	// How alike honest checkers' figures are, on a machine that does much else, is not what is tested here; that one that lies stands out is.
	if verdict.Check != "enrolment" || counts["silent"] != 1 || counts["disagreed"] == 0 || counts["agreed"] == 0 || counts["agreed"]+counts["disagreed"] != 4 {
		t.Errorf("%s %s, with checkers that are said to have %v", verdict.Result, verdict.Check, counts)
	}
	if served := verdict.Findings[0]; served.Question != "served" || !served.Met || served.For != 3 || served.Against != 1 {
		t.Errorf("the first finding is %+v", served)
	}
	if len(seen.Edges) != 1 || !seen.Edges[0].Present || !seen.Uncapped || len(seen.Checkers) != 5 {
		t.Errorf("an operator sees %+v", seen)
	}
	owner := e2etest.Run(t, e2etest.Options{}, "edge", "checks", "--signal", up.URL, "--edge", seen.Edges[0].Address)
	if owner.Code != 0 || !strings.Contains(owner.Stdout, verdict.Check+" "+verdict.Result) || !strings.Contains(owner.Stdout, verdict.Task) {
		t.Errorf("the edge's owner reads %+v", owner)
	}
	if checked := verified(t, up.URL); len(checked.Outcome.Verdicts) == 0 || string(checked.Outcome.Verdicts[0].Result) != verdict.Result {
		t.Errorf("the log comes to %+v, an operator sees %s", checked.Outcome.Verdicts, verdict.Result)
	}
	up.Play(t, e2etest.Request{}).Plays(t, 1) // whatever was found

	// Its owner looks for himself.
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(up.Token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	look := e2etest.Run(t, e2etest.Options{}, "checker", "look", "--signal", up.URL, "--token-file", token, "--requirements", "processor", "--length", "3s", "--json")
	var found struct {
		Questions []struct {
			Question string
			Met      bool
		}
		Frames int
	}
	if err := json.Unmarshal([]byte(look.Stdout), &found); err != nil {
		t.Fatalf("%v: %v", err, look)
	}
	if len(found.Questions) != 5 || found.Questions[0].Question != "served" || !found.Questions[0].Met || found.Frames == 0 {
		t.Errorf("a look: %v", look)
	}
}

// gate is a way to signaling that opens once so many wait before it, so that they come at once. It returns where they have to go.
func gate(t *testing.T, to string, waiting int) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	t.Cleanup(func() {
		stop()
		listener.Close()
		running.Wait()
	})
	open := make(chan struct{})
	pass := func(near net.Conn) {
		defer near.Close()
		select {
		case <-open:
		case <-ctx.Done():
			return
		}
		far, err := (&net.Dialer{}).DialContext(ctx, "tcp", strings.TrimPrefix(to, "http://"))
		if err != nil {
			return // signaling is gone
		}
		defer far.Close()
		defer context.AfterFunc(ctx, func() { near.Close(); far.Close() })()
		running.Go(func() {
			io.Copy(far, near)
			far.Close()
		})
		io.Copy(near, far)
	}
	running.Go(func() {
		for came := 1; ; came++ {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() { pass(near) })
			if came == waiting {
				close(open)
			}
		}
	})
	return "http://" + listener.Addr().String()
}

func TestACheckerThatIsKilledReportsWhatItHasMeasuredOfTwoEdgesAtOnce(t *testing.T) {
	t.Parallel()
	needsPainter(t)
	home, files := t.TempDir(), t.TempDir()
	card := e2etest.Run(t, e2etest.Options{}, "checker", "card", "--folder", home)
	if card.Code != 0 {
		t.Fatal(card)
	}
	licences := filepath.Join(files, "licences")
	if err := os.WriteFile(licences, []byte(card.Stdout), 0o600); err != nil {
		t.Fatal(err)
	}
	network := makeKeys(t)
	network.startWith(t, "--checks", filepath.Join(files, "checks"), "--licences", licences, "--check-key", network.private,
		"--check-requirements", "processor", "--check-seats", "1", "--check-minimum", "1", "--check-uncapped")
	url := network.signaling.URL
	network.signaling.URL = gate(t, url, 2) // an epoch begins with those that are there, and only then are several asked at once
	for range 2 {
		network.startEdge(t, network.token(t, "edge"))
	}
	network.signaling.URL = url
	work := func() *e2etest.Program {
		return e2etest.Launch(t, e2etest.Options{}, "checker", "--signal", url, "--folder", home)
	}
	both := func(step duty.Step) bool {
		entries, err := duty.Read(home)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries) >= 2 && entries[0].Step == step && entries[1].Step == step
	}
	checker := work()
	e2etest.Eventually(t, aCheck, "reports on both are committed to", func() bool { return both(duty.Committed) })
	checker.Signal(t, syscall.SIGKILL)
	checker.Wait(t, e2etest.Patience)
	work()
	e2etest.Eventually(t, aCheck, "its tasks are judged", func() bool { return both(duty.Judged) })
	entries, err := duty.Read(home)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries[:2] {
		if e.Conduct != "agreed" || e.Why == "" || e.Report != nil {
			t.Errorf("the journal has %+v", e)
		}
	}
	checked := verified(t, url)
	if len(checked.Outcome.Verdicts) != 2 {
		t.Fatalf("the log comes to %+v", checked.Outcome)
	}
	for _, v := range checked.Outcome.Verdicts {
		asked := slices.ContainsFunc(v.Findings, func(f epoch.Finding) bool { return f.Question == challenge.Shared && f.Counted == 1 })
		if v.Result == epoch.Undecided || len(v.Together) != 2 || !asked {
			t.Errorf("of an edge that was asked beside another: %+v", v)
		}
	}
	status := e2etest.Run(t, e2etest.Options{}, "checker", "status", "--folder", home, "--signal", url)
	if want := fmt.Sprintf("%d tasks: 2 in line with the committee", len(entries)); status.Code != 0 || !strings.Contains(status.Stdout, want) || !strings.Contains(status.Stdout, "score: 0.500") {
		t.Errorf("status says %v", status)
	}
}

// decided waits for a check of an edge to be decided, and returns what it came to.
func decided(t *testing.T, up *e2etest.Program, check string) (found admin.Verdict) {
	t.Helper()
	e2etest.Eventually(t, aCheck, "the check of "+check+" is decided", func() bool {
		for _, v := range checks(t, up).Verdicts {
			if v.Check == check && v.Result != "undecided" {
				found = v
				return true
			}
		}
		return false
	})
	for _, f := range found.Findings {
		t.Logf("%s: %v %s, required %s: met %t", f.Question, f.Figure, f.Unit, f.Required, f.Met)
	}
	return found
}

func TestExperienceIsCheckedByATokenLikeAPlayersWhileSomebodyPlays(t *testing.T) {
	t.Parallel()
	needsPainter(t)
	up := start(t, e2etest.Clock(), "--checkers", "1", "--encoder", "x264", "--size", "640x360", "--max-size", "640x360", "--fps", "30")
	if v := decided(t, up, "enrolment"); v.Result != "passed" {
		t.Skipf("SKIPPED %s: this machine is too slow for its edge to be enrolled: %s", t.Name(), v.Notice)
	}
	up.Play(t, e2etest.Request{}).Plays(t, 1)
	v := decided(t, up, "experience")
	// How it fares beside whatever else this machine does is not what is tested here; that a checker has come and was served is.
	if served := v.Findings[0]; served.Question != "served" || !served.Met || served.For != 1 || len(v.Conduct) != 1 {
		t.Errorf("%+v", v)
	}
}
