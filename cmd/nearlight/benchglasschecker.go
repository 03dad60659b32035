package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"nearlight/internal/bench"
)

const (
	// leavePatience is how long the edge may take to notice that the browser has gone.
	leavePatience = 20 * time.Second
	leaveRetry    = 500 * time.Millisecond
)

// look has a checker look at the subject for as long as the browser has, and reports what it measures of the same: to what do a checker and a browser agree?
func (s *subject) look(ctx context.Context, f *benchFlags, r *bench.Report, labels bench.Labels) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	token := s.file("checker-token")
	if err := os.WriteFile(token, []byte(s.token), 0o600); err != nil {
		return err
	}
	f.progress("looking as a checker for %d s", f.seconds)
	var seen look
	for deadline := time.Now().Add(leavePatience); ; {
		command := exec.CommandContext(ctx, self, "checker", "look", "--json", "--requirements", "processor", "--length", fmt.Sprintf("%ds", f.seconds), "--signal", s.url, "--token-file", token)
		command.Env = append(os.Environ(), "GOMAXPROCS=1") // as on the machine of one core that a checker is meant for
		out, err := command.Output()
		if failed := json.Unmarshal(out, &seen); failed == nil && seen.ClickToPhoton.N > 0 {
			break // it fails where something is not as required, which nobody asks here
		} else if time.Now().After(deadline) {
			return fmt.Errorf("a checker could not look: %w", errors.Join(err, failed))
		}
		if err := sleep(ctx, leaveRetry); err != nil {
			return err
		}
	}
	r.Value("checker_click_to_photon_p50", "ms", seen.ClickToPhoton.P50, labels)
	r.Value("checker_click_to_photon_p99", "ms", seen.ClickToPhoton.P99, labels)
	r.Value("checker_inputs", "", float64(seen.ClickToPhoton.N), labels)
	r.Value("checker_fps", "1/s", seen.FrameRate, labels)
	r.Value("checker_own_p50", "ms", seen.Own.P50, labels)
	r.Value("cpu_checker", "cores", seen.Processor, labels)
	return nil
}
