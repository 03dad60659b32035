package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"nearlight/internal/bench"
	"nearlight/internal/edgesim"
	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/token"
)

// signalingBench is `bench signaling`: one node in a process of its own, its edges and players simulated in this one.
type signalingBench struct {
	json    bool
	seconds int
	edges   int
	rate    int
	log     io.Writer

	issuer   *token.Issuer
	verifier *token.Verifier
	url      string
	alive    atomic.Int64 // edges whose sockets are open
}

const (
	// Edges and players come from many addresses of the loopback network, as they do in life: signaling's bounds for one address stay as they are.
	edgesPerAddress   = 40
	playersPerAddress = 4
	// requestsPerPlayer is how many sessions a second each player's socket asks for.
	requestsPerPlayer = 5
	// dialers is how many sockets are opened at a time.
	dialers = 64
	// descriptorsKept is for what a process holds besides sockets.
	descriptorsKept = 500
)

func newSignalingBench() *cobra.Command {
	b := signalingBench{}
	c := &cobra.Command{
		Use: "signaling [FLAG...]", Short: "Measure a signaling node: idle edges, their memory and heartbeats, and how soon a session has its lease",
		Long: "Starts `nearlight signaling` and connects simulated edges to it, which stay idle for a while. Then players ask for sessions, at --rate a second\n" +
			"in all: a lease's time goes from the moment a request was due to the moment its player has the lease that the edge has signed.\n" +
			"The simulated edges write nothing to a disk.",
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			if _, err := settle(c); err != nil {
				return err
			}
			b.log = c.ErrOrStderr()
			relaxCollector() // the load is not to be what is measured
			if b.seconds < 1 || b.seconds > 3600 || b.edges < 1 || b.edges > 100000 || b.rate < 1 || b.rate > 20000 {
				return usage("want --seconds 1 to 3600, --edges 1 to 100000, --rate 1 to 20000")
			}
			report := &bench.Report{Bench: "signaling", Machine: bench.ThisMachine(), Params: map[string]any{
				"seconds": b.seconds, "edges": b.edges, "rate": b.rate, "version": version,
			}}
			if err := b.run(c.Context(), report); err != nil {
				return err
			}
			return report.Write(c.OutOrStdout(), b.json)
		},
	}
	c.Flags().BoolVar(&b.json, "json", false, "print one JSON object, and nothing else on standard output")
	c.Flags().IntVar(&b.seconds, "seconds", 20, "how long edges are idle, and then how long sessions are asked for")
	c.Flags().IntVar(&b.edges, "edges", 15000, "edges that are connected")
	c.Flags().IntVar(&b.rate, "rate", 1000, "sessions that are asked for a second")
	return c
}

func (b *signalingBench) run(ctx context.Context, report *bench.Report) (err error) {
	if err := b.roomFor(); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "nearlight-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	node, err := b.startNode(ctx, folder)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.stop()) }()
	pid := node.command.Process.Pid
	empty, err := bench.ProcessUsage(pid)
	if err != nil {
		return err
	}

	fmt.Fprintf(b.log, "connecting %d edges\n", b.edges)
	sockets, serving, err := b.connectEdges()
	defer func() {
		for _, s := range sockets {
			_ = s.Close() // the node is being stopped anyhow
		}
		serving.Wait()
	}()
	if err != nil {
		return err
	}
	if err := pauseFor(ctx, 5*time.Second); err != nil { // the collector has had time for what connecting left
		return err
	}
	fmt.Fprintf(b.log, "idle for %d s\n", b.seconds)
	before, err := bench.ProcessUsage(pid)
	if err != nil {
		return err
	}
	if err := pauseFor(ctx, time.Duration(b.seconds)*time.Second); err != nil {
		return err
	}
	after, err := bench.ProcessUsage(pid)
	if err != nil {
		return err
	}
	report.Value("sockets", "count", float64(b.alive.Load()), nil)
	report.Value("memory_per_edge", "bytes", float64(after.Resident-empty.Resident)/float64(b.edges), nil)
	beats := float64(b.edges) * float64(b.seconds) / signaling.EdgePing.Seconds()
	report.Value("cpu_per_1000_heartbeats", "ms", milliseconds(after.CPU-before.CPU)/beats*1000, nil)

	fmt.Fprintf(b.log, "asking for %d sessions a second, for %d s\n", b.rate, b.seconds)
	began := time.Now()
	times, refused, err := b.play(ctx)
	if err != nil {
		return err
	}
	took := time.Since(began)
	loaded, err := bench.ProcessUsage(pid)
	if err != nil {
		return err
	}
	report.Value("leases_per_second", "1/s", float64(len(times))/float64(b.seconds), nil)
	report.Distribution("lease", "ms", times, nil)
	report.Value("refused", "count", float64(refused), nil)
	report.Value("cpu_node", "cores", (loaded.CPU-after.CPU).Seconds()/took.Seconds(), nil)
	if lost := int64(b.edges) - b.alive.Load(); lost > 0 {
		return fmt.Errorf("%d of %d edges were lost", lost, b.edges)
	}
	return nil
}

// players is how many sockets ask for sessions.
func (b *signalingBench) players() int { return max(1, b.rate/requestsPerPlayer) }

// roomFor says at once where the machine lets no process hold so many sockets.
func (b *signalingBench) roomFor() error {
	limit, err := descriptorLimit()
	if err != nil {
		return err
	}
	if need := uint64(b.edges + b.players() + descriptorsKept); need > limit {
		return lacks(fmt.Errorf("%d edges and %d players need %d file descriptors, a process may hold %d; raise it with ulimit -n, or choose fewer with --edges",
			b.edges, b.players(), need, limit))
	}
	return nil
}

// startNode makes the keys, and a node that takes what they sign.
func (b *signalingBench) startNode(ctx context.Context, folder string) (_ *benchProcess, err error) {
	key, err := token.NewKey()
	if err != nil {
		return nil, err
	}
	if b.issuer, err = token.NewIssuer(key, token.Scope{}, time.Now); err != nil {
		return nil, err
	}
	b.verifier = token.NewVerifier(b.issuer.Keys(), token.Scope{}, time.Now)
	text, err := token.MarshalPublicKey(b.issuer.Key())
	if err != nil {
		return nil, err
	}
	public := filepath.Join(folder, "public.pem")
	if err := os.WriteFile(public, text, 0o600); err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		return nil, err
	}
	b.url = "ws://" + address
	node, err := startProcess(ctx, io.Discard, self, "signaling", "--listen", address, "--verify-key", public, "--max-edges", fmt.Sprint(b.edges))
	if err != nil {
		return nil, err
	}
	for range 100 {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			return node, conn.Close()
		}
		if err := pauseFor(ctx, 50*time.Millisecond); err != nil {
			break
		}
	}
	return nil, errors.Join(errors.New("the signaling node does not start"), node.stop())
}

// source is the n-th address that peers come from, each for as many of them as said; net tells sorts of peers apart.
func source(network byte, n, each int) net.IP {
	n /= each
	return net.IPv4(127, network, byte(n/250), byte(1+n%250))
}

func (b *signalingBench) connectEdges() ([]*edgesim.Socket, *sync.WaitGroup, error) {
	serving := &sync.WaitGroup{}
	own, err := b.issuer.Issue(token.Claims{Role: token.Edge, Expires: time.Now().Add(24 * time.Hour)})
	if err != nil {
		return nil, serving, err
	}
	apps := []signaling.App{{Name: "scene", Title: "Scene", Summary: "A game of our own.", Installed: true}, {Name: "supertux", Title: "SuperTux", Installed: true}}
	sockets := make([]*edgesim.Socket, b.edges)
	var group errgroup.Group
	group.SetLimit(dialers)
	born := time.Now()
	for i := range b.edges {
		group.Go(func() error {
			key, err := identity.NewKey()
			if err != nil {
				return err
			}
			machine := edgesim.New(edgesim.Config{Token: own, Slots: 2, Apps: apps, Key: key, Verifier: b.verifier, Born: born})
			socket, err := edgesim.Register(b.url, source(1, i, edgesPerAddress), machine)
			if err != nil {
				return err
			}
			sockets[i] = socket
			b.alive.Add(1)
			serving.Go(func() {
				_ = socket.Serve() // how many are left is looked at
				b.alive.Add(-1)
			})
			return nil
		})
	}
	err = group.Wait()
	open := sockets[:0]
	for _, s := range sockets {
		if s != nil {
			open = append(open, s)
		}
	}
	return open, serving, err
}

// play has players ask for sessions, and returns the times to their leases in milliseconds.
func (b *signalingBench) play(ctx context.Context) (times []float64, refused int, err error) {
	n := b.players()
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	interval := time.Duration(n) * time.Second / time.Duration(b.rate)
	start := time.Now().Add(2 * time.Second) // all are connected by then
	end := start.Add(time.Duration(b.seconds) * time.Second)
	for i := range n {
		group.Go(func() error {
			own, failed, err := b.playOne(ctx, i, start.Add(interval*time.Duration(i)/time.Duration(n)), end, interval)
			mu.Lock()
			defer mu.Unlock()
			times = append(times, own...)
			refused += failed
			return err
		})
	}
	err = group.Wait()
	return times, refused, err
}
