// Package bustest is a bus within a test: nodes that talk without sockets, and can be cut off from each other. It runs under
// testing/synctest, which sockets do not.
package bustest

import (
	"context"
	"sync"

	"nearlight/internal/bus"
)

// Network joins nodes. It is safe for concurrent use.
type Network struct {
	mu    sync.Mutex
	nodes []*Node
}

// Node is one node's bus.
type Node struct {
	network *Network

	// Guarded by the network's mutex.
	away bool
	subs map[*subscription]struct{}
	lose func(subject string, data []byte) int
}

var _ bus.Bus = (*Node)(nil)

type subscription struct {
	subject string
	queue   chan bus.Message
	done    chan struct{}
	once    sync.Once
}

// Join adds a node.
func (w *Network) Join() *Node {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := &Node{network: w, subs: make(map[*subscription]struct{})}
	w.nodes = append(w.nodes, n)
	return n
}

// Cut takes a node off the network, or puts it back: what it says reaches itself alone.
func (n *Node) Cut(away bool) {
	n.network.mu.Lock()
	defer n.network.mu.Unlock()
	n.away = away
}

// Disturb has each message that the node sends delivered as many times as copies says; nil means once.
func (n *Node) Disturb(copies func(subject string, data []byte) int) {
	n.network.mu.Lock()
	defer n.network.mu.Unlock()
	n.lose = copies
}

// Close ends the node's subscriptions.
func (n *Node) Close() {
	n.network.mu.Lock()
	defer n.network.mu.Unlock()
	for s := range n.subs {
		s.stop()
	}
	n.subs = make(map[*subscription]struct{})
}

func (s *subscription) stop() { s.once.Do(func() { close(s.done) }) }

// Publish implements bus.Bus.
func (n *Node) Publish(subject string, data []byte) error {
	_, err := n.publish(subject, data, nil)
	return err
}

func (n *Node) publish(subject string, data []byte, reply func([]byte) error) (reached int, err error) {
	if len(data) > bus.MaxMessage {
		return 0, bus.ErrTooLarge
	}
	if err := bus.CheckSubject(subject); err != nil {
		return 0, err
	}
	if reply == nil {
		reply = func([]byte) error { return nil }
	}
	n.network.mu.Lock()
	defer n.network.mu.Unlock()
	copies := 1
	if n.lose != nil {
		copies = n.lose(subject, data)
	}
	for _, other := range n.network.nodes {
		if other != n && (n.away || other.away) {
			continue
		}
		for s := range other.subs {
			for range copies {
				if s.subject == subject {
					s.take(bus.Message{Subject: subject, Data: append([]byte(nil), data...), Reply: reply})
					reached++
				}
			}
		}
	}
	return reached, nil
}

// take is a bounded queue: what does not fit is dropped, as it is on a real bus.
func (s *subscription) take(m bus.Message) {
	select {
	case s.queue <- m:
	default:
	}
}

// Subscribe implements bus.Bus.
func (n *Node) Subscribe(subject string, handle func(bus.Message)) (func(), error) {
	if err := bus.CheckSubject(subject); err != nil {
		return nil, err
	}
	s := &subscription{subject: subject, queue: make(chan bus.Message, bus.Pending), done: make(chan struct{})}
	n.network.mu.Lock()
	n.subs[s] = struct{}{}
	n.network.mu.Unlock()
	go func() {
		for {
			select {
			case <-s.done:
				return
			case m := <-s.queue:
				handle(m)
			}
		}
	}()
	return func() {
		n.network.mu.Lock()
		delete(n.subs, s)
		n.network.mu.Unlock()
		s.stop()
	}, nil
}

// Request implements bus.Bus.
func (n *Node) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	answers := make(chan []byte, 1)
	reached, err := n.publish(subject, data, func(answer []byte) error {
		select {
		case answers <- answer:
		default:
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if reached == 0 {
		return nil, bus.ErrNobody
	}
	select {
	case answer := <-answers:
		return answer, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Connected implements bus.Bus.
func (n *Node) Connected() bool {
	n.network.mu.Lock()
	defer n.network.mu.Unlock()
	return !n.away
}
