package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"

	"nearlight/edge"
	"nearlight/edge/app"
	"nearlight/edge/audio"
	"nearlight/edge/display"
	"nearlight/edge/gpu"
	"nearlight/edge/sandbox"
	"nearlight/encoder"
	"nearlight/internal/identity"
	"nearlight/internal/media"
	"nearlight/internal/scene/gles"
	"nearlight/internal/tracing"
	"nearlight/signaling/token"
	"nearlight/streamer"
	"nearlight/streamer/control"
	"nearlight/streamer/udpmux"
)

// edgeFlags are the settings of an edge, alone or within `up`.
type edgeFlags struct {
	size, maxSize sizeValue
	fps           int
	encoder       string
	bitrate       bitrateValue
	chroma        chromaValue
	app           string
	display       displayValue
	slots         int
	mediaPort     uint16
	advertise     string
	congestion    string
	noSandbox     bool
	audio         bool
	folder        string
	regions       []string
	price         uint64
	place         placeValue
	nvidia        string
	traces        string
}

func (f *edgeFlags) register(flags *pflag.FlagSet) {
	f.size, f.bitrate = sizeValue{Width: 1280, Height: 720}, bitrateValue(encoder.DefaultBitrate)
	flags.Var(&f.size, "size", "size of the game's screen")
	flags.Var(&f.maxSize, "max-size", "largest size that a player may ask for (default: --size)")
	flags.IntVar(&f.fps, "fps", encoder.DefaultFrameRate, "frames per second at the most")
	flags.StringVar(&f.encoder, "encoder", encoder.Auto, "encoders that may be used, in order of preference ("+strings.Join(ladder("").Names(), ",")+"), or "+encoder.Auto)
	registerNVIDIA(flags, &f.nvidia)
	flags.Var(&f.bitrate, "bitrate", "bitrate at the most, for example 8M or 2500k")
	flags.Var(&f.chroma, "chroma", "how much colour is coded: 420, or 444 (as sharp as luma, for text and thin lines) where encoder and player can; "+
		"takes more time and bits")
	flags.StringVar(&f.app, "app", "", "offer only this app of the catalogue")
	registerDisplay(flags, &f.display)
	flags.IntVar(&f.slots, "slots", 1, "sessions at a time")
	flags.Uint16Var(&f.mediaPort, "media-port", 0, "UDP and TCP port of the stream (0: any free one)")
	flags.StringVar(&f.advertise, "advertise", "", "ADDRESS:PORT at which players reach --media-port, where that is not this machine's own: behind a router that "+
		"forwards the port")
	flags.StringVar(&f.congestion, "congestion", string(streamer.Nearlight), "what finds the rate that the player's connection carries: "+string(streamer.Nearlight)+", or "+
		string(streamer.GCC)+", to compare with")
	flags.BoolVar(&f.noSandbox, "no-sandbox", false, "run apps unconfined: they see this whole machine")
	flags.BoolVar(&f.audio, "audio", true, "let players hear the game; --audio=false is silence")
	registerTraces(flags, &f.traces)
	flags.StringSliceVar(&f.regions, "regions", nil, "regions that the edge lies in, for tokens that are limited to some, for example de,eu")
	flags.Uint64Var(&f.price, "price", 0, "what a second costs, in the payment token's smallest unit, for tokens that limit it")
	flags.Var(&f.place, "place", "where the edge is, latitude and longitude in degrees, for players nearby: 52.52,13.40; 52.52,13.40,25 where it may be 25 km off (default: what signaling knows of its address)")
	flags.StringVar(&f.folder, "folder", "", "folder for sessions' files and for what the edge must remember: its leases, and its key unless that is in a wallet (default: one under the temporary folder, and with it a new edge each time)")
}

// maxSlots is how many slots an edge may tell signaling of.
const maxSlots = 64

// sceneName is the catalogue's name of our own scene.
const sceneName = "scene"

// registerDisplay adds the flag that says what makes a session's screen.
func registerDisplay(flags *pflag.FlagSet, kind *displayValue) {
	*kind = displayValue(display.Xvfb)
	flags.Var(kind, "display", "what makes a game's screen: xvfb, wayland (sway and Xwayland, which draw on a GPU where there is one), or "+
		"offscreen (none: with --app "+sceneName+" only, drawn by this program itself, on a GPU where there is one)")
}

// registerNVIDIA registers the setting that names the folder of NVIDIA's libraries.
func registerNVIDIA(flags *pflag.FlagSet, folder *string) {
	flags.StringVar(folder, "nvidia-libraries", "", "folder of NVIDIA's libcuda.so.1 and libnvidia-encode.so.1 (default: where the system looks)")
}

// surroundings are what an edge shares with the rest of its process.
type surroundings struct {
	verifier *token.Verifier
	token    string             // the edge's own
	home     *edgeHome          // closed with the edge that is built
	endorsed *identity.Endorsed // nil for nothing
	media    netip.Addr
	local    bool         // players are on this machine's network
	also     []netip.Addr // for media too
	ownOnly  bool         // players are on this machine
	stamp    bool
	trace    func(media.StageTimes)               // nil for none
	heard    func(control.Message, media.Instant) // nil for none
	metrics  prometheus.Registerer
	traces   *tracing.Tracing
	logger   *slog.Logger
}

// builtEdge is an edge that is ready to run.
type builtEdge struct {
	node  *edge.Node
	gpus  *gpu.Library  // nil without NVIDIA cards
	ports *udpmux.Ports // nil until they are open
	home  *edgeHome
}

func (b *builtEdge) close() error {
	var err error
	if b.ports != nil {
		err = b.ports.Close()
	}
	if b.gpus != nil {
		err = errors.Join(err, b.gpus.Close())
	}
	return errors.Join(err, b.home.close())
}

// build checks what the flags ask for against what this machine has, and makes the edge. command is what follows "--".
func (f *edgeFlags) build(ctx context.Context, command []string, in surroundings) (_ *builtEdge, err error) {
	if f.maxSize == (sizeValue{}) {
		f.maxSize = f.size
	}
	if f.fps < 1 || f.fps > encoder.MaxFrameRate {
		return nil, usage("--fps %d: want 1 to %d", f.fps, encoder.MaxFrameRate)
	}
	if f.display.offscreen() && (f.app != sceneName || len(command) > 0) {
		return nil, usage("--display %s draws nothing but our own scene: add --app %s, or leave the display to the default", display.Offscreen, sceneName)
	}
	if f.congestion != string(streamer.Nearlight) && f.congestion != string(streamer.GCC) {
		return nil, usage("--congestion %s: want %s or %s", f.congestion, streamer.Nearlight, streamer.GCC)
	}
	for _, region := range f.regions {
		if !token.IsRegion(region) {
			return nil, usage("--regions %s: want small letters, digits and -, for example de,eu", region)
		}
	}
	relaxCollector()
	offered, err := f.offered(command)
	if err != nil {
		return nil, err
	}
	cards := newCards(f.nvidia)
	all := cards.ladder()
	if f.encoder == encoder.Auto && cards.absent() {
		all = withoutNVENC(all) // who names it reads why it cannot be had
	}
	encoders, err := f.checkEncoders(all)
	if err != nil {
		return nil, err
	}
	if err := display.Kind(f.display).Installed(); err != nil {
		return nil, lacks(err)
	}
	cage := sandbox.Disabled()
	if !f.noSandbox && !f.display.offscreen() { // off screen nothing runs that would need one
		if cage, err = sandbox.Probe(ctx); err != nil {
			return nil, lacks(fmt.Errorf("%w; or run apps unconfined with --no-sandbox, if you trust them", err))
		}
	}
	if f.audio && !f.display.offscreen() {
		if _, err := audio.Find(); err != nil {
			in.logger.Warn("games play in silence", "reason", err)
		}
	}
	b := &builtEdge{home: in.home}
	defer func() {
		if err != nil {
			err = errors.Join(err, b.close())
		}
	}()
	if b.gpus, err = openGPUs(ctx, gpu.Open, in.metrics, in.logger); err != nil {
		return nil, err
	}
	if b.gpus != nil {
		cards.look, cards.logger = b.gpus.Query, in.logger
	}
	ports := udpmux.Config{Address: in.media, Also: in.also, OwnOnly: in.ownOnly, Port: f.mediaPort, Loggers: streamer.Loggers(in.logger)}
	if f.advertise != "" {
		if ports.Advertise, err = netip.ParseAddrPort(f.advertise); err != nil {
			return nil, usage("--advertise %s: want an address and a port, such as 203.0.113.9:8443", f.advertise)
		}
		in.local = false // there is a network in between
	}
	b.ports, err = udpmux.Open(ports)
	if err != nil {
		return nil, fmt.Errorf("%w; choose another with --media-port", err)
	}
	engine, err := streamer.NewEngine(b.ports, in.logger)
	if err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, err
	}
	b.node, err = edge.NewNode(edge.Config{
		Name: host, Slots: f.slots, Engine: engine, Encoders: encoders, Time: newTimings(in.logger).measure,
		Token: in.token, Verifier: in.verifier, Identity: b.home.key, Leases: b.home.leases, Endorsed: in.endorsed, Regions: f.regions, Price: f.price, Place: f.place.Place,
		Display: display.Kind(f.display), NVIDIA: f.nvidia, Audio: f.audio, Sandbox: cage, Folder: filepath.Clean(b.home.path),
		Size: media.Size(f.size), MaxSize: media.Size(f.maxSize), FrameRate: f.fps, Bitrate: media.Bitrate(f.bitrate), Chroma: media.Chroma(f.chroma),
		Offered: offered, Installer: &app.Installer{}, Local: in.local, Media: reached(b.ports), Congestion: streamer.Controller(f.congestion), Stamp: in.stamp, Trace: in.trace, Heard: in.heard,
		Metrics: in.metrics, Spans: in.traces.Tracer(), Logger: in.logger,
	})
	if err != nil {
		return nil, usage("%w", err)
	}
	return b, nil
}

// reached is where players' packets arrive.
func reached(ports *udpmux.Ports) []netip.AddrPort {
	at := ports.Addresses()
	if ports.Advertised().IsValid() {
		at = append([]netip.AddrPort{ports.Advertised()}, at...)
	}
	for i := range at {
		at[i] = netip.AddrPortFrom(at[i].Addr().Unmap().WithZone(""), at[i].Port())
	}
	return at
}

// offered is what may be started: a command, one app, or the whole catalogue, and what checkers ask for.
func (f *edgeFlags) offered(command []string) ([]app.Description, error) {
	offered, err := f.played(command)
	if err != nil {
		return nil, err
	}
	catalogue, err := app.Embedded()
	if err != nil {
		return nil, err
	}
	for _, hidden := range catalogue.Hidden() {
		if !slices.ContainsFunc(offered, func(d app.Description) bool { return d.Name == hidden.Name }) {
			offered = append(offered, hidden)
		}
	}
	return offered, nil
}

// played is what players may start.
func (f *edgeFlags) played(command []string) ([]app.Description, error) {
	catalogue, err := app.Embedded()
	if err != nil {
		return nil, err
	}
	switch {
	case len(command) > 0 && f.app != "":
		return nil, usage("give either --app or a command, not both")
	case len(command) > 0:
		return []app.Description{app.Command(command[0], command[1:]...)}, nil
	case f.app != "":
		description, err := catalogue.Lookup(f.app)
		if err != nil {
			return nil, usage("%w", err)
		}
		return []app.Description{description}, nil
	}
	return catalogue.Apps(), nil
}

// checkEncoders returns the encoders that may be used. It opens one of them, so that an edge which cannot encode says so when
// it is started.
func (f *edgeFlags) checkEncoders(all encoder.Ladder) (encoder.Ladder, error) {
	encoders, err := all.Only(f.encoder)
	if err != nil {
		return nil, usage("--encoder: %w", err)
	}
	trial, err := encoders.Pick(encoders.Codecs(), nil, encoder.Config{Size: media.Size(f.maxSize), FrameRate: f.fps, Bitrate: media.Bitrate(f.bitrate)})
	switch {
	case errors.Is(err, media.ErrSize), errors.Is(err, encoder.ErrUnsupported):
		return nil, usage("%w", err)
	case err != nil:
		return nil, lacks(err)
	}
	return encoders, trial.Encoder.Close()
}

// isLack tells errors about this machine from others.
func isLack(err error) bool {
	return errors.Is(err, display.ErrNoServer) || errors.Is(err, sandbox.ErrUnavailable) || errors.Is(err, encoder.ErrUnavailable) ||
		errors.Is(err, gles.ErrUnavailable)
}
