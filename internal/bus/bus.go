// Package bus carries small messages between the nodes of a cluster: who speaks need not know who listens.
//
// It is NATS underneath, embedded in this process by default, so that one node needs nothing installed; several embedded servers
// join by routes, or all nodes use a cluster that is there already. Nothing is kept: a message reaches those that listen while
// it is sent, at most once, or nobody. What must not be lost is told again by whoever knows it.
//
// # Vocabulary
//
// A subject is a name of words joined by dots. Whoever subscribes to it gets each message that is published to it from then on; those of one
// publisher come in order. A subscription holds at most Pending messages that its handler has not taken; what comes then is dropped, counted and
// told to Config.Dropped.
//
// # Concurrency
//
// All methods may be called from any goroutine, and none but Request waits for another node. Handlers of one subscription are called one
// at a time, in a goroutine of its own.
package bus

import (
	"context"
	"errors"
)

// MaxMessage bounds one message in octets: a signaling message, and what says where it goes.
const MaxMessage = 96 << 10

// Pending and PendingBytes bound what waits for one subscription's handler.
const (
	Pending      = 8192
	PendingBytes = 32 << 20
)

// The reasons that callers branch on.
var (
	ErrTooLarge     = errors.New("bus: the message is larger than MaxMessage")
	ErrDisconnected = errors.New("bus: not connected; the message was not sent")
	ErrNobody       = errors.New("bus: nobody listens")
	ErrSubject      = errors.New("bus: not a subject")
)

// Message is what a subscription gets. Data belongs to the handler.
type Message struct {
	Subject string
	Data    []byte
	// Reply answers a request. It does nothing for a message that was published.
	Reply func([]byte) error
}

// Bus is one node's way to the others.
type Bus interface {
	// Publish sends data to all that subscribe to subject, this node too. It fails with ErrTooLarge, ErrSubject, and with ErrDisconnected while there is no
	// connection: nothing is kept for later.
	Publish(subject string, data []byte) error
	// Subscribe calls handle for each message, until the function that it returns is called. It lasts over lost connections.
	Subscribe(subject string, handle func(Message)) (cancel func(), err error)
	// Request publishes data and waits for the first answer, until ctx ends. It fails with ErrNobody at once where nobody subscribes.
	Request(ctx context.Context, subject string, data []byte) ([]byte, error)
	// Connected reports whether messages can leave.
	Connected() bool
}

// maxSubject bounds a subject's length in octets.
const maxSubject = 200

// CheckSubject refuses what is no plain subject: words of A-Z a-z 0-9 - _ joined by dots.
func CheckSubject(subject string) error {
	if len(subject) == 0 || len(subject) > maxSubject {
		return ErrSubject
	}
	word := 0
	for i := range len(subject) {
		switch c := subject[i]; {
		case c == '.' && word > 0 && i < len(subject)-1:
			word = 0
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
			word++
		default:
			return ErrSubject
		}
	}
	return nil
}
