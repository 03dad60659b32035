package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"nearlight/edge/app"
	"nearlight/edge/display"
	"nearlight/edge/sandbox"
	"nearlight/internal/bench"
	"nearlight/internal/media"
)

// floorLength is how long the source runs without being streamed, before the measurement and once more after it.
const floorLength = 3 * time.Second

// floor is what a source and its display use when nobody streams them: what is below a measurement.
type floor struct{ app, display, elapsed time.Duration }

// measure runs the source alone for a while and adds what it used.
func (total *floor) measure(ctx context.Context, f *benchFlags) (err error) {
	if f.display.offscreen() {
		return nil // it does not run without an edge
	}
	command, err := f.drawn()
	if err != nil {
		return err
	}
	cage := sandbox.Disabled()
	if !f.noSandbox {
		if cage, err = sandbox.Probe(ctx); err != nil {
			return lacks(err)
		}
	}
	identity, err := sandbox.IdentityFor(0)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "nearlight-floor-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	session := filepath.Join(folder, "session")
	if err := errors.Join(os.Chmod(folder, 0o711), identity.MakeFolder(session)); err != nil {
		return err
	}
	screen, err := display.Start(ctx, display.Config{
		Kind: display.Kind(f.display), Sandbox: cage, Identity: identity, Folder: session, Size: media.Size(f.size), FrameRate: f.fps,
	})
	if err != nil {
		return fmt.Errorf("run the source alone: %w", err)
	}
	defer func() { err = errors.Join(err, screen.Close()) }()
	source, err := app.Launch(app.Command(command[0], command[1:]...), app.Surroundings{Sandbox: cage, Identity: identity, Display: screen, Folder: session})
	if err != nil {
		return fmt.Errorf("run the source alone: %w", err)
	}
	defer source.Stop(stopTimeout)
	if err := sleep(ctx, warmUp/2); err != nil {
		return err
	}
	began := time.Now()
	appBefore, displayBefore := used(source.PIDs()), used(screen.PIDs())
	if err := sleep(ctx, floorLength); err != nil {
		return err
	}
	total.app += used(source.PIDs()) - appBefore
	total.display += used(screen.PIDs()) - displayBefore
	total.elapsed += time.Since(began)
	return nil
}

// used sums the processor time of processes; one that has ended counts nothing.
func used(pids []int) (sum time.Duration) {
	for _, pid := range pids {
		if usage, err := bench.ProcessUsage(pid); err == nil {
			sum += usage.CPU
		}
	}
	return sum
}

func (total *floor) report(r *bench.Report, f *benchFlags) {
	if total.elapsed == 0 {
		return
	}
	labels := bench.Labels{"source": f.source, "run": "floor"}
	r.Value("cpu_app", "cores", total.app.Seconds()/total.elapsed.Seconds(), labels)
	r.Value("cpu_display", "cores", total.display.Seconds()/total.elapsed.Seconds(), labels)
}
