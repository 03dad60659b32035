package main

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"nearlight/encoder"
	"nearlight/internal/corpus"
	"nearlight/internal/media"
	"nearlight/internal/netsim"
	"nearlight/internal/netsim/scenario"
	"nearlight/streamer"
)

// soakVariable is how long TestSoak lasts, for example 30m; without it the test is skipped. `make soak` sets it.
const soakVariable = "NEARLIGHT_SOAK"

// soakTurn is how long one network lasts.
const soakTurn = 20 * time.Second

// One session goes from network to network for as long as asked: it goes on playing, its memory stays flat, and when it ends
// nothing of it is left.
func TestSoak(t *testing.T) {
	length, err := time.ParseDuration(os.Getenv(soakVariable))
	if err != nil {
		t.Skipf("SKIPPED %s: it takes half an hour; `make soak` runs it", t.Name())
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	size := media.Size{Width: 640, Height: 360}
	pictures, err := corpus.Render(corpus.Film, size, netPictures, seed)
	if err != nil {
		t.Fatal(err)
	}
	candidates, err := ladder("").Only("x264")
	if err != nil {
		t.Fatal(err)
	}
	config, err := encoder.Config{Size: size, FrameRate: netFrameRate, Bitrate: 20 * media.Mbps}.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	goroutines := runtime.NumGoroutine()
	flow, err := openNetFlow(candidates[0], config, pictures, streamer.Nearlight, feedbackTransportWide, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	relay, err := netsim.OpenRelay(netsim.RelayConfig{Routes: []netsim.Route{{Target: flow.ports.Addresses()[0]}}})
	if err != nil {
		t.Fatal(err)
	}
	flow.near = relay.Near(0)
	ctx, stop := context.WithCancel(t.Context())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return relay.Run(ctx) })
	began := make(chan struct{})
	group.Go(func() error { return flow.run(ctx, began) })
	select {
	case <-began:
	case <-ctx.Done():
		t.Fatal(group.Wait())
	}

	all := scenario.All()
	var heap, threads []uint64
	for end := time.Now().Add(length); time.Now().Before(end) && ctx.Err() == nil; {
		network := all[random.IntN(len(all))]
		down, up := network.Links(random.Uint64())
		if err := relay.Change(up, down); err != nil {
			t.Fatal(err)
		}
		if err := sleep(ctx, soakTurn); err != nil {
			break
		}
		shown := flow.forget()
		if shown < int(soakTurn.Seconds())*5 {
			t.Errorf("%s: %d frames in %v", network.Name, shown, soakTurn)
		}
		var memory runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&memory)
		heap, threads = append(heap, memory.HeapAlloc), append(threads, uint64(runtime.NumGoroutine()))
		t.Logf("%-12s %v: %d frames, heap %.1f MB, %d goroutines", network.Name, network.RTT, shown, float64(memory.HeapAlloc)/1e6, runtime.NumGoroutine())
	}
	flow.end()
	stop()
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := errors.Join(flow.failed, flow.close(), relay.Close()); err != nil {
		t.Error(err)
	}
	flat(t, "heap, bytes", heap, 4<<20)
	flat(t, "goroutines", threads, 4)
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > goroutines; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines are left, %d were there before", runtime.NumGoroutine(), goroutines)
		}
	}
}

// flat checks that the last third of a series is no higher than the first, but for some noise.
func flat(t *testing.T, what string, series []uint64, noise uint64) {
	t.Helper()
	third := len(series) / 3
	if third == 0 {
		return
	}
	median := func(s []uint64) uint64 { return slices.Sorted(slices.Values(s))[len(s)/2] }
	if first, last := median(series[:third]), median(series[len(series)-third:]); last > first+first/10+noise {
		t.Errorf("%s grew from %d to %d", what, first, last)
	}
}
