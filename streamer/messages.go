package streamer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"nearlight/internal/media"
	"nearlight/streamer/control"
)

// heartbeatInterval is how often an edge says that it is alive (streamer/control, Alive).
const heartbeatInterval = 500 * time.Millisecond

// maxBuffered bounds what waits in the control channel of a player that stopped reading.
const maxBuffered = 1 << 20

// handle answers what concerns the connection itself and passes the rest on.
func (p *Peer) handle(channel control.Channel, m control.Message) {
	p.hear()
	switch m := m.(type) {
	case *control.Ping:
		now := sinceBoot(media.Now())
		p.frames.observePing(m.Sent, now, p.RoundTrip())
		if err := p.send(p.motion, &control.Pong{ID: m.ID, Sent: m.Sent, Edge: now}); err != nil {
			p.logger.Debug("answer a ping", "error", err)
		}
	case *control.Ack:
		if frame, known := p.outbound.frameOf(m.RTP); known {
			p.rate.acknowledged(frame, m.Received)
			p.outbound.shown(frame)
		}
		if presented, ok := p.frames.acknowledge(m); ok {
			p.stages.observePresented(presented)
		}
	default:
		p.receiver.Input(channel, m)
	}
}

// errNoChannels is what sending to a player without channels comes to.
var errNoChannels = errors.New("the player has no channels")

// Send sends a message on the reliable channel. A player that has stopped reading gets an error, and the message is dropped.
func (p *Peer) Send(m control.Message) error { return p.send(p.control, m) }

func (p *Peer) send(channel *webrtc.DataChannel, m control.Message) error {
	if channel == nil {
		return errNoChannels
	}
	if channel.ReadyState() != webrtc.DataChannelStateOpen {
		return fmt.Errorf("%s channel is not open", channel.Label())
	}
	if waiting := channel.BufferedAmount(); waiting > maxBuffered {
		return fmt.Errorf("%s channel: %d bytes wait for a player that does not read", channel.Label(), waiting)
	}
	data, err := control.Append(nil, m)
	if err != nil {
		return err
	}
	return channel.Send(data)
}

// beat says that the edge is alive, reports on the streams and refreshes the round trip.
func (p *Peer) beat() {
	var reports []rtcp.Packet
	if report := p.outbound.reportNow(); report != nil {
		reports = append(reports, report)
	}
	if p.audio != nil {
		if report := p.audio.reportNow(); report != nil {
			reports = append(reports, report)
		}
	}
	if p.microphone != nil {
		if report := p.microphone.reportNow(media.Now()); report != nil {
			reports = append(reports, report)
		}
	}
	if len(reports) > 0 {
		if err := p.connection.WriteRTCP(reports); err != nil {
			p.logger.Debug("send reports", "error", err)
		}
	}
	if p.control != nil {
		if err := p.Send(&control.Alive{Edge: sinceBoot(media.Now())}); err != nil {
			p.logger.Debug("send a heartbeat", "error", err)
		}
	}
	if p.logger.Enabled(context.Background(), slog.LevelDebug) {
		f := p.rate.figures()
		p.logger.Debug("link", "state", f.State, "cause", f.Cause, "target", media.Bitrate(f.Target), "capacity", media.Bitrate(f.Capacity),
			"queue", f.Queue, "backlog", f.Backlog, "loss", f.Loss, "limited", f.Limited, "cuts", f.Cuts, "undone", f.Undone, "skips", f.Skips)
	}
	select {
	case <-p.connected: // pion's transport may not be asked while it starts
		if p.RoundTrip() > 0 {
			return // the player's reports tell it better
		}
		if stats, ok := p.connection.SCTP().Transport().ICETransport().GetSelectedCandidatePairStats(); ok && stats.CurrentRoundTripTime > 0 {
			p.roundTrip.Store(int64(stats.CurrentRoundTripTime * float64(time.Second)))
		}
	default:
	}
}

// sinceBoot is an instant as control's messages carry it: in whole microseconds.
func sinceBoot(i media.Instant) time.Duration { return time.Duration(i).Truncate(time.Microsecond) }
