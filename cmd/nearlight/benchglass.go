package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"time"

	"nearlight/internal/bench"
	"nearlight/internal/media"
)

// browsers are tried in this order.
var browsers = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// browserArguments keep the browser from doing anything but showing our page.
var browserArguments = []string{
	"--headless=new", "--disable-gpu", "--no-first-run", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync",
	"--disable-extensions", "--mute-audio", "--autoplay-policy=no-user-gesture-required", "--window-size=1280,800",
}

// reportPatience is how long a browser may take beyond the measurement itself.
const reportPatience = 40 * time.Second

// pageReport is what web/app's bench page reports; times are milliseconds of performance.now().
type pageReport struct {
	Frames []struct {
		RTP          uint32  `json:"rtp"`
		Now          float64 `json:"now"`
		Presentation float64 `json:"presentation"`
		Received     float64 `json:"received"`
		Processing   float64 `json:"processing"`
		Count        uint32  `json:"presentedFrames"`
		Marker       *struct {
			Time  int64  `json:"time"`
			Input uint32 `json:"input"`
		} `json:"marker"`
	} `json:"frames"`
	Inputs []struct {
		Seq uint32  `json:"seq"`
		At  float64 `json:"at"`
	} `json:"inputs"`
	Clock *struct {
		OffsetUS float64 `json:"offset_us"`
		RTTUS    float64 `json:"rtt_us"`
	} `json:"clock"`
	Stages       map[string]float64 `json:"stages"`
	FirstFrameMS *float64           `json:"first_frame_ms"`
	UserAgent    string             `json:"userAgent"`
	Error        *struct{ Code, Message, Hint string }
}

// benchGlass measures from the app's drawing to the browser's showing.
func benchGlass(ctx context.Context, f *benchFlags, r *bench.Report) (err error) {
	browser, err := findBrowser()
	if err != nil {
		return err
	}
	labels := bench.Labels{"source": f.source}
	f.progress("starting nearlight up with the %s", f.source)
	s, err := f.startSubject(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	profile, err := os.MkdirTemp("", "nearlight-browser-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(profile)) }()

	length := time.Duration(f.seconds)*time.Second + warmUp
	page := fmt.Sprintf("%s/bench.html#token=%s&seconds=%g&key=%s&seed=%d", s.url, s.token, length.Seconds(), benchKey, f.seed)
	arguments := append([]string{"--user-data-dir=" + profile}, browserArguments...)
	if os.Geteuid() == 0 {
		arguments = append(arguments, "--no-sandbox") // Chromium refuses its own as root
	}
	f.progress("playing in %s for %v", browser, length)
	chromium, err := startProcess(ctx, io.Discard, browser, append(arguments, page)...)
	if err != nil {
		return err
	}
	stopped := false
	stop := func() {
		if !stopped {
			stopped = true
			if err := chromium.stop(); err != nil {
				f.progress("the browser ended with: %v", err)
			}
		}
	}
	defer stop()

	if err := sleep(ctx, 2*warmUp); err != nil {
		return err
	}
	before, err := s.use()
	if err != nil {
		return err
	}
	if err := sleep(ctx, length-2*warmUp); err != nil {
		return err
	}
	after, err := s.use()
	if err != nil {
		return err
	}
	reported, err := awaitReport(ctx, s, reportPatience)
	if err != nil {
		return err
	}
	stop()
	if f.checker {
		if err := s.look(ctx, f, r, labels); err != nil {
			return err
		}
	}
	if err := s.process.stop(); err != nil { // it writes down the rest of the trace
		return err
	}
	trace, err := readTrace(s.file(framesFile))
	if err != nil {
		return err
	}
	heard, err := readInputs(s.file(inputsFile))
	if err != nil {
		return err
	}
	frames, keys, err := reported.onEdgeClock()
	if err != nil {
		return err
	}
	frames = afterWarmUp(frames)
	r.Params["browser"] = reported.UserAgent
	r.Params["clock_uncertainty_ms"] = reported.Clock.RTTUS / 2000
	reportFrames(r, frames, keys, trace, heard, labels)
	r.Value("ready", "ms", milliseconds(s.ready), labels)
	if reported.FirstFrameMS != nil {
		r.Value("first_frame", "ms", *reported.FirstFrameMS, labels)
	}
	for stage, ms := range reported.Stages {
		r.Value("stage_"+stage, "ms", ms, labels)
	}
	reportUse(r, before, after, labels)
	return nil
}

func findBrowser() (string, error) {
	for _, name := range browsers {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("bench glass needs a Chromium; run: apt install chromium")
}

func needsBrowser() error {
	_, err := findBrowser()
	return err
}

// awaitReport waits for the page's report.
func awaitReport(ctx context.Context, s *subject, patience time.Duration) (*pageReport, error) {
	deadline := time.Now().Add(patience)
	for {
		text, err := os.ReadFile(s.file(reportFile))
		if errors.Is(err, fs.ErrNotExist) {
			if time.Now().After(deadline) {
				return nil, fmt.Errorf("the browser did not report within %v; try `nearlight up` and look at the page", patience)
			}
			if err := sleep(ctx, 50*time.Millisecond); err != nil {
				return nil, err
			}
			continue
		} else if err != nil {
			return nil, err
		}
		var report pageReport
		if err := json.Unmarshal(text, &report); err != nil {
			return nil, fmt.Errorf("the page's report: %w", err)
		}
		if report.Error != nil {
			return nil, fmt.Errorf("the page could not play: %s: %s %s", report.Error.Code, report.Error.Message, report.Error.Hint)
		}
		return &report, nil
	}
}

// onEdgeClock turns a page's times into the edge's.
func (p *pageReport) onEdgeClock() ([]shownFrame, []pressed, error) {
	if p.Clock == nil {
		return nil, nil, errors.New("the page did not learn the edge's clock")
	}
	at := func(ms float64) media.Instant {
		return media.Instant((ms*1000 + p.Clock.OffsetUS) * float64(time.Microsecond))
	}
	frames := make([]shownFrame, 0, len(p.Frames))
	for _, f := range p.Frames {
		shown := shownFrame{
			rtp: f.RTP, count: f.Count, received: at(f.Received), shown: at(f.Presentation), shownNow: at(f.Now),
			decode: time.Duration(f.Processing * float64(time.Millisecond)),
		}
		if f.Marker != nil {
			shown.drawn, shown.input = media.Instant(f.Marker.Time)*media.Instant(time.Microsecond), f.Marker.Input
		}
		frames = append(frames, shown)
	}
	keys := make([]pressed, 0, len(p.Inputs))
	for _, i := range p.Inputs {
		keys = append(keys, pressed{i.Seq, at(i.At)})
	}
	return frames, keys, nil
}

// afterWarmUp leaves out the frames of the warm-up.
func afterWarmUp(frames []shownFrame) []shownFrame {
	for i, f := range frames {
		if f.shown.Sub(frames[0].shown) >= warmUp {
			return frames[i:]
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
