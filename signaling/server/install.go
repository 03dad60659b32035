package server

import (
	"cmp"
	"maps"
	"slices"

	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/token"
)

// installation is one app that one edge is installing. The registry's mutex guards it.
type installation struct {
	id       signaling.RequestID
	app      string
	edge     *edge
	watchers map[*player]struct{}
	silence  *alarm // the edge's next message is due
}

// installApp has an app installed on an edge that lists it, and tells the player how far that is. The error ends the
// player's connection; an installation that cannot be is told by an Installing.
func (r *registry) installApp(p *player, m signaling.Install, claims token.Claims) *signaling.Error {
	if !claims.Allows(token.Install) {
		return signaling.Errorf(signaling.CodeBadToken, "This link does not allow installing games.")
	}
	if !claims.AllowsApp(m.App) {
		return signaling.Errorf(signaling.CodeBadToken, "This link is good for %s only.", claims.App)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	failed := func(reason *signaling.Error) *signaling.Error {
		p.send(signaling.Installing{App: m.App, Done: true, Error: reason})
		return nil
	}
	if p.install != nil {
		return failed(signaling.Errorf(signaling.CodeRateLimited, "%s is being installed already.", p.install.app).WithHint("Wait until it is done."))
	}
	e, installed := r.edgeWithout(m.App, claims)
	switch {
	case installed:
		p.send(signaling.Installing{App: m.App, Percent: 100, Done: true})
		return nil
	case e == nil:
		return failed(signaling.Errorf(signaling.CodeUnknownApp, "No machine that this link allows offers %s.", m.App))
	}
	for _, i := range e.installs {
		if i.app == m.App {
			i.watchers[p], p.install = struct{}{}, i
			return nil
		}
	}
	if len(e.installs) == maxInstalls {
		return failed(signaling.Errorf(signaling.CodeFull, "The machine is installing %d other games.", maxInstalls))
	}
	i := &installation{
		id: signaling.RequestID(newID("r")), app: m.App, edge: e, watchers: map[*player]struct{}{p: {}},
	}
	e.installs[i.id], p.install = i, i
	e.log.Info("installation is asked for", "app", i.app, "request", i.id)
	e.peer.send(signaling.Install{Request: i.id, Token: m.Token, App: i.app})
	r.listen(i)
	return nil
}

// edgeWithout returns a connected edge that lists the app and has not installed it, the first by id so that all players
// watch one installation; installed says that one has it and nothing is to do. Edges that the token does not allow count for nothing.
func (r *registry) edgeWithout(app string, claims token.Claims) (without *edge, installed bool) {
	for _, id := range slices.Sorted(maps.Keys(r.edges)) {
		e := r.edges[id]
		at := slices.IndexFunc(e.apps, func(a signaling.App) bool { return a.Name == app })
		switch {
		case e.peer == nil || at < 0 || !allows(claims, e):
		case e.apps[at].Installed:
			return nil, true
		case without == nil:
			without = e
		}
	}
	return without, false
}

// allows reports whether a token is good for an edge: one that it names or whose endorsement it asks for, or any where it does neither.
func allows(claims token.Claims, e *edge) bool {
	if len(claims.Edges) == 0 && claims.Root.IsZero() {
		return true
	}
	named := slices.ContainsFunc(claims.Edges, func(a identity.Address) bool { return a.String() == string(e.id) })
	return named || !claims.Root.IsZero() && claims.Root.String() == e.root
}

// listen gives up an installation about which the edge is silent.
func (r *registry) listen(i *installation) {
	r.alarms.stop(i.silence)
	i.silence = r.after(installTimeout, func() {
		r.installed(i, signaling.Installing{Done: true, Error: signaling.Errorf(signaling.CodeTimedOut,
			"Nothing was heard of the installation for %v.", installTimeout)})
	})
}

// installed passes on how far an installation is.
func (r *registry) installed(i *installation, m signaling.Installing) {
	m.Request, m.App = "", i.app
	for p := range i.watchers {
		p.send(m)
	}
	if !m.Done {
		r.listen(i)
		return
	}
	i.edge.log.Info("installation is over", "app", i.app, "request", i.id, "failed", m.Error != nil)
	r.alarms.stop(i.silence)
	delete(i.edge.installs, i.id)
	for p := range i.watchers {
		r.unwatch(p)
		if !p.busy() {
			r.rest(p)
		}
	}
	if m.Error == nil {
		r.markInstalled(i.edge, i.app) // its own status may come after the player's next message
	}
}

// markInstalled notes that an app is installed, in a list of its own: others may be reading the old one.
func (r *registry) markInstalled(e *edge, app string) {
	apps := slices.Clone(e.apps)
	for i := range apps {
		if apps[i].Name == app {
			apps[i].Installed = true
		}
	}
	e.offerApps(r.catalogue(apps))
	r.touch(e)
}

func (r *registry) unwatch(p *player) {
	if p.install != nil {
		delete(p.install.watchers, p)
		p.install = nil
	}
}

func sortedByTitle(apps map[string]signaling.App) []signaling.App {
	return slices.SortedFunc(maps.Values(apps), func(a, b signaling.App) int {
		return cmp.Or(cmp.Compare(a.Title, b.Title), cmp.Compare(a.Name, b.Name))
	})
}
