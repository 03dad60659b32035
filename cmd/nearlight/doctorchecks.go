package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"nearlight/edge/app"
	"nearlight/edge/sandbox"
	"nearlight/encoder"
	"nearlight/internal/cuda"
	"nearlight/internal/decode"
	"nearlight/internal/media"
	"nearlight/signaling"
	"nearlight/streamer/udpmux"
	"nearlight/web"
)

const installFrom = "apt-get install -y --no-install-recommends "

func checkBuild() finding {
	_, licence := builtIn()
	f := finding{works, "build", fmt.Sprintf("%s, %s, %d cores, licence %s", version, runtime.Version(), runtime.NumCPU(), licence), ""}
	if info, ok := debug.ReadBuildInfo(); ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "CGO_ENABLED", Value: "0"}) {
		f.Verdict, f.Remedy = fails, "make build"
		f.Detail += "; built without cgo, which capture and encoders need: this program can only be signaling"
	}
	return f
}

func checkPages() finding {
	if _, built := web.Pages(); !built {
		return finding{doubts, "pages", "not built into this program: players see a page that says so", "make build"}
	}
	return finding{works, "pages", "built in", ""}
}

// trialFrames is how many frames each encoder gets: the first is a keyframe, the others are timed.
const trialFrames = 30

// busyShare of a frame's time is what an encoder may take; the rest is for capture, the app and the display.
const busyShare = 0.6

// checkEncoders tries every encoder, and the decoder on what one of them made.
func (d *doctor) checkEncoders(tell func(finding)) {
	var stream []byte
	var codec media.Codec
	var refused error
	opened, fast := false, false
	for _, candidate := range ladder(d.nvidia) {
		what := "encoder " + candidate.Name
		took, keyframe, samplings, err := d.tryEncoder(candidate)
		if errors.Is(err, cuda.ErrNoLibrary) { // the check of the GPU has told of it
			continue
		}
		if err != nil {
			tell(trouble(doubts, what, err, ""))
			refused = err
			continue
		}
		opened, stream, codec = true, keyframe, candidate.Codec
		f := finding{works, what, fmt.Sprintf("%v in %s", d.size.String(), shown(took)), ""}
		switch slow := took > time.Duration(busyShare*float64(encoder.FrameTime(d.fps))); {
		case !slow:
			fast = true
		case fast: // the ladder has a better one, and this is for players who decode nothing else
			f.Detail += fmt.Sprintf(": too slow for %d frames per second beside a game", d.fps)
		default:
			f.Verdict = doubts
			f.Detail += fmt.Sprintf(": too slow for %d frames per second beside a game", d.fps)
			f.Remedy = fmt.Sprintf("nearlight up --encoder %s --size 1280x720 --fps 30", candidate.Name)
		}
		f.Detail += alsoIn(samplings)
		tell(f)
	}
	if !opened {
		remedy := "nearlight doctor --size 1280x720"
		if errors.Is(refused, encoder.ErrUnavailable) {
			remedy = "make build"
		}
		tell(finding{fails, "encoder", "none can be opened", remedy})
		return
	}
	if err := d.tryDecoder(codec, stream); err != nil {
		tell(trouble(doubts, "decoder", fmt.Errorf("only `nearlight bench pipeline` needs it: %w", err), ""))
		return
	}
	tell(finding{works, "decoder", "decodes what the encoder made", ""})
}

// alsoIn says what an encoder codes in here besides 4:2:0 with 8 bits. It is empty for drivers that know nothing else anywhere.
func alsoIn(samplings []media.Sampling) string {
	var also []string
	for _, s := range samplings {
		if s != (media.Sampling{}) {
			also = append(also, s.String())
		}
	}
	switch {
	case len(samplings) == 0:
		return ""
	case len(also) == 0:
		return fmt.Sprintf("; it codes in %v only", media.Sampling{})
	}
	return "; it codes in " + strings.Join(also, ", ") + " as well"
}

// tryEncoder returns the median time of a frame that differs everywhere from the one before, the first access unit, and what
// the encoder codes in.
func (d *doctor) tryEncoder(candidate encoder.Candidate) (median time.Duration, keyframe []byte, samplings []media.Sampling, err error) {
	e, err := candidate.Open(encoder.Config{Size: media.Size(d.size), FrameRate: d.fps})
	if err != nil {
		return 0, nil, nil, err
	}
	defer func() { err = errors.Join(err, e.Close()) }()
	frame := media.NewFrame(media.Size(d.size))
	for _, chroma := range []media.Plane{frame.U, frame.V} {
		for i := range chroma.Data {
			chroma.Data[i] = 128
		}
	}
	times := make([]time.Duration, 0, trialFrames)
	for n := range trialFrames {
		pan(frame.Y, 4*n)
		started := media.Now()
		frame.Times.Damaged = started
		_, err := e.Encode(frame, encoder.Request{Keyframe: n == 0}, func(s media.Slice) error {
			if n == 0 {
				keyframe = append(keyframe, s.Data...)
			}
			return nil
		})
		if err != nil {
			return 0, nil, nil, err
		}
		times = append(times, media.Now().Sub(started))
	}
	times = times[1:]
	slices.Sort(times)
	return times[len(times)/2], keyframe, e.Capabilities().Samplings, nil
}

// pan draws a texture of soft blocks, moved to the left.
func pan(luma media.Plane, by int) {
	for i := range luma.Data {
		x, y := i%luma.Stride+by, i/luma.Stride
		luma.Data[i] = byte(48 + (x>>4*37+y>>4*91)%128 + (x+y)%24)
	}
}

func (d *doctor) tryDecoder(codec media.Codec, accessUnit []byte) error {
	decoder, err := decode.Open(codec)
	if err != nil {
		return err
	}
	picture, err := decoder.Decode(accessUnit)
	switch {
	case err != nil:
	case picture == nil:
		err = errors.New("it holds the picture back")
	case picture.Visible != media.Size(d.size):
		err = fmt.Errorf("the picture is %v, not %v", picture.Visible, d.size.String())
	}
	return errors.Join(err, decoder.Close())
}

// checkSandbox makes a cage and enters it. The sandbox is usable in any case: the checks that follow go on without a cage
// where there is none.
func (d *doctor) checkSandbox(ctx context.Context) (*sandbox.Sandbox, finding) {
	if d.noSandbox {
		return sandbox.Disabled(), finding{doubts, "sandbox", "not tried (--no-sandbox): apps see this whole machine", "nearlight doctor"}
	}
	started := time.Now()
	cage, err := sandbox.Probe(ctx)
	if err != nil {
		return sandbox.Disabled(), trouble(fails, "sandbox", err, "")
	}
	user := "this user"
	if os.Geteuid() == 0 {
		user = fmt.Sprintf("user %d and up", sandbox.FirstUID)
	}
	return cage, finding{works, "sandbox", fmt.Sprintf("bubblewrap made a cage and a second one within, in %s; apps run as %s", shown(time.Since(started)), user), ""}
}

// kernelSetting reads a sysctl: "" when this kernel does not have it.
func kernelSetting(name string) string {
	text, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(name, ".", "/"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// checkNamespaces says what the kernel allows. Whether that is enough is what the sandbox's check finds out.
func checkNamespaces(setting func(string) string) finding {
	const what = "user namespaces"
	for _, s := range []struct{ name, bad, good string }{
		{"kernel.unprivileged_userns_clone", "0", "1"},
		{"kernel.apparmor_restrict_unprivileged_userns", "1", "0"},
		{"user.max_user_namespaces", "0", "10000"},
	} {
		if setting(s.name) == s.bad {
			return finding{doubts, what, fmt.Sprintf("%s is %s, so that only root can make them", s.name, s.bad), fmt.Sprintf("sysctl -w %s=%s", s.name, s.good)}
		}
	}
	return finding{works, what, "allowed, up to " + cmpOr(setting("user.max_user_namespaces"), "any number"), ""}
}

// checkPort looks whether the pages' port is free, or held by a Nearlight that runs already.
func checkPort(ctx context.Context, address string) finding {
	const what = "port"
	listener, err := net.Listen("tcp", address)
	if err == nil {
		if err = listener.Close(); err == nil {
			return finding{works, what, address + " is free", ""}
		}
	}
	host, _, malformed := net.SplitHostPort(address)
	switch {
	case malformed != nil:
		return finding{doubts, what, fmt.Sprintf("--listen %s: %v", address, malformed), "nearlight up --listen 127.0.0.1:8080"}
	case errors.Is(err, syscall.EADDRINUSE) && answersAsNearlight(ctx, address):
		return finding{works, what, address + " is taken by a Nearlight that is running", ""}
	}
	return finding{doubts, what, err.Error(), "nearlight up --listen " + net.JoinHostPort(host, "0")}
}

// answersAsNearlight asks for the sign of life that signaling gives, with HTTP and, as --lan serves, HTTPS.
func answersAsNearlight(ctx context.Context, address string) bool {
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		// Nothing is sent and nothing believed but that it is there; --lan's certificate is signed by itself.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec
	}}
	for _, scheme := range []string{"http", "https"} {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+address+signaling.HealthPath, nil)
		if err != nil {
			return false
		}
		response, err := client.Do(request)
		if err != nil {
			continue
		}
		var health struct{ Status string }
		err = json.NewDecoder(http.MaxBytesReader(nil, response.Body, 1<<10)).Decode(&health)
		response.Body.Close()
		if err == nil && health.Status == "ok" {
			return true
		}
	}
	return false
}

// checkSocketBuffers compares what the kernel grants with what the media sockets ask for.
func checkSocketBuffers(setting func(string) string) finding {
	const what = "udp buffers"
	var lacking []string
	for _, s := range []struct {
		name   string
		wanted int
	}{{"net.core.wmem_max", udpmux.SendBuffer}, {"net.core.rmem_max", udpmux.ReceiveBuffer}} {
		granted, err := strconv.Atoi(setting(s.name))
		if err != nil {
			continue // a network namespace without the setting takes the machine's
		}
		if granted < s.wanted {
			lacking = append(lacking, fmt.Sprintf("%s=%d", s.name, s.wanted))
		}
	}
	if len(lacking) > 0 {
		return finding{doubts, what, "too small for the burst of a keyframe at high rates: packets may be lost", "sysctl -w " + strings.Join(lacking, " ")}
	}
	return finding{works, what, "large enough", ""}
}

func checkNetwork() finding {
	const what = "network"
	lan, err := openLAN()
	if err != nil {
		return finding{doubts, what, "no address but this machine's own: nobody else can play", "connect a network"}
	}
	return finding{works, what, fmt.Sprintf("%v, for --lan", lan.address), ""}
}

// checkClock asks the kernel whether something keeps the clock right. Tokens are checked against it.
func checkClock() finding {
	const what = "clock"
	var state unix.Timex
	if _, err := unix.Adjtimex(&state); err != nil {
		return finding{doubts, what, fmt.Sprintf("the kernel does not tell whether it is right: %v", err), ""}
	}
	if state.Status&unix.STA_UNSYNC != 0 {
		return finding{doubts, what, "not synchronized: tokens of other machines may be refused as expired or not yet good", "timedatectl set-ntp true"}
	}
	return finding{works, what, "synchronized", ""}
}

func checkBrowser() finding {
	path, err := findBrowser()
	if err != nil {
		return trouble(doubts, "browser", err, "")
	}
	return finding{works, "browser", path, ""}
}

// checkApps looks for the catalogue's games.
func checkApps(tell func(finding)) {
	catalogue, err := app.Embedded()
	if err != nil {
		tell(finding{fails, "catalogue", err.Error(), ""})
		return
	}
	for _, d := range catalogue.Apps() {
		if d.Installed() {
			tell(finding{works, "app " + d.Name, d.Title, ""})
			continue
		}
		tell(finding{doubts, "app " + d.Name, d.Title + " is not installed", installFrom + d.Package})
	}
}

// shown rounds a time for people.
func shown(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%.1f ms", milliseconds(d))
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
