package server

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"nearlight/internal/bus"
	"nearlight/signaling"
	"nearlight/signaling/match"
)

// What one node alone knows it is asked for by the others, over the bus: sessions are at the node of their edge, and each node has a line of
// its own.

const askPrefix = "nearlight.ask."

// askTime is how long an operator waits for other nodes: one that is gone is not waited for longer.
const askTime = 2 * time.Second

// ask is what a node is asked for, or to do: one field is set.
type ask struct {
	Sessions *SessionQuery `json:"sessions,omitempty"`
	Session  *sessionAsk   `json:"session,omitempty"`
	Decided  *sessionAsk   `json:"decided,omitempty"` // by what its edge was picked, of the node that did
	Queue    bool          `json:"queue,omitempty"`
	MoveOff  *moveAsk      `json:"moveOff,omitempty"`
	Drain    *bool         `json:"drain,omitempty"` // this node
}

type sessionAsk struct {
	ID      signaling.SessionID `json:"id"`
	End     string              `json:"end,omitempty"` // end it for this reason
	Explain bool                `json:"explain,omitempty"`
	Named   []signaling.EdgeID  `json:"named,omitempty"`
}

type moveAsk struct {
	Edge   signaling.EdgeID `json:"edge"`
	Reason string           `json:"reason"`
}

// told is a node's answer.
type told struct {
	Sessions    []SessionView   `json:"sessions,omitempty"`
	More        bool            `json:"more,omitempty"`
	Explanation json.RawMessage `json:"explanation,omitempty"`
	Queue       []WaitingView   `json:"queue,omitempty"`
	Moved       int             `json:"moved,omitempty"`
}

// answerAsk does what a node is asked for, here.
func (s *Server) answerAsk(a ask) told {
	if a.Drain != nil {
		s.drainSelf(*a.Drain)
		return told{}
	}
	r := s.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	var t told
	switch {
	case a.Sessions != nil:
		t.Sessions, t.More = r.sessionViews(*a.Sessions)
	case a.Session != nil:
		t = r.aboutSession(*a.Session)
	case a.Decided != nil:
		t.Explanation = r.decidedBy(*a.Decided)
	case a.Queue:
		t.Queue = r.waitingViews()
	case a.MoveOff != nil:
		if e := r.edges[a.MoveOff.Edge]; e != nil {
			t.Moved = r.moveOff(e, signaling.Errorf(signaling.CodeShuttingDown, "The machine is taken out of use: %s", a.MoveOff.Reason))
		}
	}
	return t
}

// aboutSession answers about one session of this node, or ends it.
func (r *registry) aboutSession(a sessionAsk) (t told) {
	x := r.sessions[a.ID]
	if x == nil || x.over != nil {
		return t
	}
	t.Sessions = []SessionView{r.sessionView(x)}
	switch {
	case a.End != "":
		r.finish(x, signaling.Ended{Reason: signaling.Errorf(signaling.CodeBanned, "An operator has ended the game: %s", a.End).WithHint("Play again, or ask whoever gave you the link.")}, true)
	case a.Explain:
		request := match.Request{App: x.app, Codecs: x.edge.codecs}
		if x.player != nil {
			request.Codecs = x.player.request.Codecs
		}
		data, err := json.Marshal(r.explained(request, x.edge.id, a.Named))
		if err != nil {
			r.log.Error("an explanation cannot be written", "error", err)
		}
		t.Explanation = data
	}
	return t
}

// decidedBy explains by what a session's edge was picked, nil at a node that has not picked it.
func (r *registry) decidedBy(a sessionAsk) json.RawMessage {
	r.decisions.forget(time.Now(), explainedFor)
	made := r.decisions.of[a.ID]
	if made == nil {
		return nil
	}
	data, err := json.Marshal(r.whole(r.index.Explain(made.request, made.ranked, a.Named...)))
	if err != nil {
		r.log.Error("an explanation cannot be written", "error", err)
	}
	return data
}

// listen answers other nodes' asks until ctx ends.
func (s *Server) listen(ctx context.Context) error {
	stop, err := s.config.Bus.Subscribe(askPrefix+s.registry.cluster.id, func(m bus.Message) {
		var a ask
		if err := json.Unmarshal(m.Data, &a); err != nil {
			s.registry.strange(err)
			return
		}
		data, err := json.Marshal(s.answerAsk(a))
		if err == nil {
			err = m.Reply(data)
		}
		if err != nil {
			s.log.Warn("another node's question is not answered", "error", err)
		}
	})
	if err != nil {
		return err
	}
	defer stop()
	<-ctx.Done()
	return nil
}

// askNode asks one node, this one by "" or by its own name.
func (s *Server) askNode(ctx context.Context, node string, a ask) (t told, err error) {
	c := s.registry.cluster
	if node == "" || c != nil && node == c.id {
		return s.answerAsk(a), nil
	}
	if c == nil {
		return t, fmt.Errorf("signaling/server: there is no node %s: this one is alone", node)
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	data, err := json.Marshal(a)
	if err != nil {
		return t, err
	}
	answer, err := s.config.Bus.Request(ctx, askPrefix+node, data)
	if err != nil {
		return t, fmt.Errorf("signaling/server: ask node %s: %w", node, err)
	}
	return t, json.Unmarshal(answer, &t)
}

// askAll asks all nodes at once. It returns their answers, and who has not answered.
func (s *Server) askAll(ctx context.Context, a ask) (answers []told, silent []string) {
	var nodes []string
	if c := s.registry.cluster; c != nil {
		s.registry.mu.Lock()
		for id := range c.nodes {
			nodes = append(nodes, id)
		}
		s.registry.mu.Unlock()
	}
	answers = append(answers, s.answerAsk(a))
	var asking sync.WaitGroup
	var mu sync.Mutex
	for _, node := range nodes {
		asking.Go(func() {
			t, err := s.askNode(ctx, node, a)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				s.log.Warn("a node does not answer", "node", node, "error", err)
				silent = append(silent, node)
				return
			}
			answers = append(answers, t)
		})
	}
	asking.Wait()
	slices.Sort(silent)
	return answers, silent
}
