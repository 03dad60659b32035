// Package archtest holds the rules of which package may import which, each with its reason. It has no code of its own.
package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "nearlight/"

// arrows lists, for a package and all below it, the only packages of ours that its code may import besides those in
// its own folder. The longest matching entry counts; a package without an entry may import anything but cmd.
var arrows = []struct {
	from   string
	to     []string
	reason string
}{
	{"encoder", []string{"internal/media", "internal/cuda"}, "an encoder knows frames, and nothing of where they come from or go to"},
	{"encoder/encodertest", []string{"encoder", "internal/media", "internal/decode", "checker/quality"}, "the conformance suite decodes what was encoded"},
	{"streamer", []string{"internal/media", "internal/telemetry", "internal/alarm"}, "a connection carries any encoder's slices for any signaling"},
	{"streamer/congestion", nil, "pure: driven by a clock it is handed"},
	{"streamer/recovery", nil, "pure"},
	{"streamer/red", nil, "pure: a form of packets"},
	{"streamer/fec", nil, "a wire form has no dependencies"},
	{"streamer/ccfb", nil, "a wire form has no dependencies"},
	{"streamer/dependency", nil, "a wire form has no dependencies"},
	{"streamer/control", nil, "a wire form has no dependencies"},
	{"streamer/udpmux", []string{"internal/media"}, "sockets know no sessions; departures are on the clock of the frames"},
	{"streamer/viewer", []string{"streamer/control", "streamer/ccfb", "streamer/red", "streamer/fec", "streamer/dependency", "internal/media", "internal/decode", "internal/opus", "internal/telemetry"}, "a player in Go is a player: it knows no edge"},
	{"streamer/viewer/rendezvous", []string{"signaling", "signaling/binding", "internal/identity"}, "what signaling says of a connection, handed to whoever plays; it dials nobody"},
	{"signaling", nil, "a wire form has no dependencies"},
	{"signaling/match", []string{"signaling"}, "pure ranking"},
	{"signaling/lease", []string{"signaling", "internal/identity"}, "pure: who holds a slot, and who has signed that"},
	{"signaling/claim", []string{"signaling"}, "pure: who may begin by a token"},
	{"signaling/studio", []string{"signaling"}, "what a studio's tokens may do, wherever they come from"},
	{"signaling/sequence", nil, "pure: order and repetition, whatever is carried"},
	{"signaling/token", []string{"signaling", "internal/identity"}, "signing and checking, for signaling and edge alike"},
	{"signaling/binding", []string{"signaling", "internal/identity"}, "what both ends of a connection sign, whoever they are"},
	{"signaling/turn", []string{"signaling"}, "a relay knows credentials and addresses, and no session but by name"},
	{"signaling/server", []string{"signaling", "internal/identity", "internal/store", "internal/bus", "internal/settlement", "internal/telemetry", "internal/tracing"}, "signaling never touches media"},
	{"signaling/admin", []string{"signaling", "internal/store"}, "what operators ask of a server, over HTTP"},
	{"signaling/client", []string{"signaling", "internal/identity"}, "edge, checker and tests dial with the same client"},
	{"edge/capture", []string{"internal/media", "internal/cuda", "internal/scene", "internal/marker", "internal/yuv", "internal/alarm"}, "a source of pictures knows no encoder and no transport"},
	{"edge/capture/wayland", []string{"edge/capture", "internal/media", "internal/marker", "internal/yuv"}, "a protocol knows no GPU: what does lies below it"},
	{"edge/capture/wayland/gpubuffer", []string{"edge/capture/wayland", "internal/media", "internal/cuda", "internal/scene/gles", "internal/yuv"},
		"a GPU's memory, between a compositor and whoever encodes"},
	{"edge/capture/wayland/wire", []string{"internal/media"}, "bytes and messages, whatever they mean"},
	{"edge/capture/nvfbc/fakefbc", []string{"internal/media", "internal/cuda", "encoder/nvenc/fakedriver"}, "a double that grabs into the memory of the driver's double"},
	{"edge/input", []string{"streamer/control"}, "input is injected as it was sent"},
	{"edge/display", []string{"internal/media", "edge/sandbox"}, "a display knows no app"},
	{"edge/audio", []string{"edge/sandbox", "internal/media"}, "a sound server knows no app, and what it plays no transport"},
	{"edge/audio/pulse", nil, "a protocol, whoever serves it"},
	{"edge/microphone", []string{"internal/opus", "internal/media"}, "packets in, samples out; who sends and who records is the edge's to say"},
	{"edge/leaselog", []string{"signaling", "internal/identity"}, "a file of leases knows no session"},
	{"edge/sandbox", nil, "the cage knows nothing of what is in it"},
	{"edge/gpu", []string{"internal/media"}, "a card is looked at and chosen; what draws and encodes on it is the edge's to say"},
	{"edge/app", []string{"edge/sandbox", "edge/display", "edge/audio", "internal/media"}, "an app runs on a display in a cage, and plays to a sound server"},
	{"internal/edgesim", []string{"signaling", "edge/leaselog", "internal/identity"}, "an edge without pictures, for who measures signaling"},
	{"internal/bus", nil, "carries octets between nodes, whatever they mean"},
	{"internal/media", nil, "the nouns of everybody"},
	{"internal/opus", []string{"internal/media"}, "codes sound, wherever it comes from"},
	{"internal/tone", []string{"internal/media"}, "what tests play and find again"},
	{"internal/alarm", []string{"internal/media"}, "a sleep until an instant"},
	{"internal/cuda", []string{"internal/media"}, "a GPU's memory holds pictures, whoever draws or codes them"},
	{"internal/telemetry", nil, "figures of everybody"},
	{"internal/marker", []string{"internal/media"}, "drawn and read on plain frames"},
	{"internal/yuv", []string{"internal/media"}, "converts plain frames"},
	{"internal/decode", []string{"internal/media"}, "decodes into plain frames"},
	{"internal/scene", []string{"internal/marker", "internal/media"}, "the scene is an ordinary program, and its challenge is the same code"},
	{"internal/corpus", []string{"internal/media", "internal/scene", "internal/yuv"}, "pictures to compare encoders on, whoever they are"},
	{"checker/vrf", nil, "pure"},
	{"checker/beacon", nil, "public randomness, whoever draws by it"},
	{"checker/committee", []string{"checker/vrf"}, "pure: the drawing of checkers and what they decide together"},
	{"checker/location", nil, "pure: places and round trips, whoever measured"},
	{"checker/epoch", []string{"checker/committee", "checker/location", "checker/vrf", "internal/identity"}, "pure: what a log comes to, whoever keeps it"},
	{"checker/challenge", []string{"internal/scene/arena", "internal/media"}, "pure: what pictures, arrivals and claims come to; who draws them again is handed in"},
	{"checker/challenge/redraw", []string{"internal/scene", "internal/yuv", "internal/media"}, "draws what edges draw, by the same code"},
	{"checker/life", []string{"checker/epoch", "internal/identity"}, "pure: what verdicts make of an edge; who measures, matches or keeps the log asks it, and it knows none of them"},
	{"checker/exam", []string{"checker/epoch", "checker/life", "checker/vrf", "checker/challenge", "checker/latency", "internal/scene/arena", "internal/identity", "internal/media"}, "pure: what is asked, and what was found in answer; who visits and who keeps the log ask it"},
	{"checker/notary", []string{"checker/exam", "checker/epoch", "checker/life", "checker/committee", "internal/identity"}, "keeps a log: it sees no stream, and no server but by what it is handed"},
	{"checker/duty", []string{"checker/exam", "checker/notary", "checker/epoch", "checker/committee", "checker/challenge", "checker/vrf", "internal/identity"}, "follows a log and reports; how an edge is looked at is handed in"},
	{"checker/purse", []string{"signaling/token", "internal/identity"}, "tokens of players: it knows no task and no checker, and no server but by what it is handed"},
	{"checker/quality", []string{"internal/media"}, "pure measurement over decoded frames"},
	{"checker/latency", []string{"internal/media", "internal/marker"}, "pure measurement over instants, and what markers say; whose frames they are is not its business"},
	{"checker/eye", []string{"checker/latency", "checker/quality", "checker/challenge", "streamer/viewer", "streamer/control", "signaling", "signaling/client", "signaling/binding",
		"internal/identity", "internal/media", "internal/marker", "internal/scene/arena"}, "a checker is a player: it looks at an edge from outside, and knows none from within"},
	{"internal/tells", []string{"streamer/control"}, "what an edge could record of a player: it looks at octets, and knows no player from within"},
	{"internal/netsim", []string{"internal/media"}, "a network carries packets of anybody; it knows no player and no edge"},
	{"internal/store", []string{"signaling"}, "what is kept has the names that travel; who writes it is not its business"},
	{"internal/turntest", nil, "a TURN server relays for anybody"},
	{"internal/clockapp", []string{"internal/marker", "internal/media"}, "the benchmark's source is an ordinary X client"},
	{"internal/placement", []string{"signaling"}, "a world to match in: it knows edges and players, and no sockets"},
	{"internal/config", nil, "settings know no meaning"},
	{"internal/certificate", nil, "a certificate is shown by any server"},
	{"internal/geo", nil, "an address is somewhere, whoever asks"},
	{"internal/tracing", nil, "spans of everybody"},
	{"internal/identity", nil, "who signed something, whatever it was for"},
	{"internal/plot", nil, "draws what it is given"},
	{"web", nil, "pages are files"},
}

type goPackage struct {
	ImportPath, Dir   string
	GoFiles, CgoFiles []string
	Imports           []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,CgoFiles,Imports", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func within(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

func TestImportsFollowTheArrows(t *testing.T) {
	for _, p := range packages(t) {
		from := strings.TrimPrefix(p.ImportPath, module)
		rule := -1
		for i, a := range arrows {
			if within(from, a.from) && (rule < 0 || len(a.from) > len(arrows[rule].from)) {
				rule = i
			}
		}
		for _, imported := range p.Imports {
			to, ours := strings.CutPrefix(imported, module)
			if !ours {
				continue
			}
			if within(to, "cmd") {
				t.Errorf("%s imports %s: nobody imports cmd", from, to)
			}
			if within(from, "edge") && within(to, "checker") || within(from, "checker") && within(to, "edge") {
				t.Errorf("%s imports %s: who is measured and who measures never meet", from, to)
			}
			if driver(to) && !within(from, "cmd") && from != "edge" && !within(from, to) && !sameRoom(from, to) {
				t.Errorf("%s imports %s: only cmd and edge name a concrete driver", from, to)
			}
			if rule < 0 || within(to, arrows[rule].from) {
				continue
			}
			if !slices.ContainsFunc(arrows[rule].to, func(allowed string) bool { return within(to, allowed) }) {
				t.Errorf("%s imports %s: %s", from, to, arrows[rule].reason)
			}
		}
	}
}

// driver reports whether a package is one of several behind a contract in its parent.
func driver(path string) bool {
	parent := filepath.Dir(path)
	return (parent == "encoder" && path != "encoder/encodertest") || parent == "edge/capture"
}

// sameRoom reports whether two packages serve the same contract, such as a driver's conformance suite.
func sameRoom(a, b string) bool { return filepath.Dir(a) == filepath.Dir(b) && filepath.Dir(a) != "." }

func TestEachPackageSaysWhatItIsFor(t *testing.T) {
	for _, p := range packages(t) {
		files := append(slices.Clone(p.GoFiles), p.CgoFiles...)
		if len(files) == 0 {
			continue
		}
		found := false
		for _, name := range files {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if file.Doc != nil && len(file.Doc.Text()) > 40 {
				found = true
			}
		}
		if !found {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}
