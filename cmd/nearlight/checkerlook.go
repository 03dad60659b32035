package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"nearlight/checker/duty"
	"nearlight/checker/epoch"
	"nearlight/checker/exam"
	"nearlight/checker/eye"
	"nearlight/checker/latency"
	"nearlight/checker/life"
	"nearlight/internal/identity"
	"nearlight/signaling/client"
)

// requirements are what networks ask of edges, by the names that flags have for them.
var requirements = map[string]exam.Requirements{"gpu": exam.OnGPU, "processor": exam.OnProcessor}

func newCheckerLook() *cobra.Command {
	var signal, tokenFile, app, check, required string
	var length time.Duration
	var asJSON, verbose bool
	c := &cobra.Command{
		Use:   "look --signal URL --token-file FILE",
		Short: "Look at an edge once, as in a check, and print what is found: for owners who test their edge",
		Long: "Plays by a token and measures as a checker does. Nothing is reported to anybody. Exits with 1 where something is not as required.\n" +
			"With --check experience it looks at an app as players do; with --check capacity it asks the edge to draw what nobody could know before.",
		Example: "  nearlight checker look --signal http://127.0.0.1:8080 --token-file token --check capacity --requirements processor",
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := settle(c); err != nil {
				return err
			}
			asked, known := requirements[required]
			if !known {
				return usage("--requirements %s: want gpu or processor", required)
			}
			if check != string(life.Capacity) && check != string(life.Experience) {
				return usage("--check %s: want capacity or experience", check)
			}
			if signal == "" || tokenFile == "" {
				return usage("--signal and --token-file are needed: the URL of signaling, and a file with a player's token")
			}
			text, err := os.ReadFile(tokenFile)
			if err != nil {
				return usage("--token-file: %w", err)
			}
			if length > 0 {
				asked.Length = length
			}
			now := epoch.Millis(time.Now().UnixMilli())
			task, err := asked.Task(life.Check(check), identity.Address{}, exam.Round{At: now + 1}, exam.Instants{At: now, CommitBy: now + 2, RevealBy: now + 3})
			if err != nil {
				return err
			}
			plan, err := exam.Challenge(task)
			if err != nil {
				return usage("--length: %w", err)
			}
			debug.SetGCPercent(checkerGarbage)
			logger := newLogger(c.ErrOrStderr(), verbose)
			visit := duty.Visit{Task: task, Challenge: plan, Token: strings.TrimSpace(string(text))}
			sight, err := visitor{client.Config{URL: signal, Log: logger}, logger}.see(c.Context(), visit, app)
			seen := exam.Found{}
			switch {
			case errors.Is(err, eye.ErrUnserved):
				logger.Warn("the edge did not serve", "reason", err)
			case err != nil:
				return err
			case sight.Dropped > 0:
				return tooSlow(sight)
			default:
				seen = found(sight)
			}
			answers, err := exam.Answers(task, seen)
			if err != nil {
				return err
			}
			return showLook(c, task, answers, sight, asJSON)
		},
	}
	c.Flags().StringVar(&signal, "signal", "", "URL of signaling")
	c.Flags().StringVar(&tokenFile, "token-file", "", "file with a player's token, for the edge that it names in --edges where there are several")
	c.Flags().StringVar(&app, "app", "", "what to play with --check experience; empty: whatever the edge runs by itself")
	c.Flags().StringVar(&check, "check", string(life.Experience), "capacity or experience")
	c.Flags().StringVar(&required, "requirements", "gpu", "what is required: of an edge with a GPU (gpu), or without (processor)")
	c.Flags().DurationVar(&length, "length", 0, "how long to look; 0: as long as a check does")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object, with all figures")
	c.Flags().BoolVar(&verbose, "verbose", false, "log details")
	return c
}

// looked is one question with its answer.
type looked struct {
	Question string  `json:"question"`
	Measured float64 `json:"measured"`
	Unit     string  `json:"unit,omitempty"`
	Required string  `json:"required"`
	Met      bool    `json:"met"`
}

// look is one look at an edge. Times are in milliseconds.
type look struct {
	Check     string   `json:"check"`
	Questions []looked `json:"questions"`
	figures
}

type figures struct {
	Frames        uint64    `json:"frames"`
	FrameRate     float64   `json:"frameRate"`
	FirstFrame    float64   `json:"firstFrame"`
	RoundTrip     float64   `json:"roundTrip"`
	ClickToPhoton quantiles `json:"clickToPhoton"`
	FrameTime     quantiles `json:"frameTime"`
	Freezes       uint64    `json:"freezes"`
	Bitrate       int64     `json:"bitrate"` // bits a second
	LossRatio     float64   `json:"lossRatio"`
	Own           quantiles `json:"own"`       // what this machine took for a picture
	Processor     float64   `json:"processor"` // cores that this program took, from its start on
}

type quantiles struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
	N   uint64  `json:"n"`
}

func quantilesOf(p latency.Percentiles) quantiles {
	return quantiles{inMillis(p.P50), inMillis(p.P99), inMillis(p.Max), p.N}
}

func inMillis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func figuresOf(s eye.Sight) figures {
	r := s.Latency
	f := figures{
		Frames: r.Frames, FrameRate: r.FrameRate, FirstFrame: inMillis(r.FirstTime), RoundTrip: inMillis(s.RoundTrip), ClickToPhoton: quantilesOf(r.ClickToPhoton),
		FrameTime: quantilesOf(r.FrameTime), Freezes: r.Freezes, Bitrate: int64(r.Bitrate), LossRatio: r.LossRatio, Own: quantilesOf(s.Own),
	}
	var used syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &used) == nil && s.Looked > 0 {
		f.Processor = (time.Duration(used.Utime.Nano()) + time.Duration(used.Stime.Nano())).Seconds() / (s.Looked + r.FirstTime).Seconds()
	}
	return f
}

// showLook prints what was found, and fails where something is not as required.
func showLook(c *cobra.Command, task epoch.Task, answers []epoch.Answer, sight eye.Sight, asJSON bool) error {
	var all []looked
	missed := 0
	for i, q := range task.Questions {
		one := looked{Question: q.Name, Measured: answers[i].Figure - answers[i].Vantage, Unit: exam.Unit(q.Name), Required: q.Required(), Met: q.Passes(answers[i])}
		if q.Name == exam.Served && one.Met {
			one.Measured = 1
		}
		if !one.Met {
			missed++
		}
		all = append(all, one)
	}
	out := c.OutOrStdout()
	if asJSON {
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(look{Check: task.Check, Questions: all, figures: figuresOf(sight)}); err != nil {
			return err
		}
	} else {
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "QUESTION\tMEASURED\tREQUIRED\tMET")
		for _, l := range all {
			fmt.Fprintf(table, "%s\t%.4g %s\t%s\t%t\n", l.Question, l.Measured, l.Unit, l.Required, l.Met)
		}
		if err := table.Flush(); err != nil {
			return err
		}
		r := sight.Latency
		fmt.Fprintf(out, "%d frames, %.1f a second; round trip %v; input to picture %v (p50), of %d; %d freezes; %.2f %% of packets lost\n",
			r.Frames, r.FrameRate, sight.RoundTrip.Round(10*time.Microsecond), r.ClickToPhoton.P50.Round(100*time.Microsecond), r.ClickToPhoton.N, r.Freezes, 100*r.LossRatio)
	}
	if missed > 0 {
		return fmt.Errorf("%d of %d questions are not answered as required", missed, len(all))
	}
	return nil
}
