package edge

import (
	"context"
	"slices"

	"nearlight/edge/app"
	"nearlight/signaling"
	"nearlight/signaling/token"
)

// Install implements client.EdgeHandler.
func (n *Node) Install(m signaling.Install) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ctx == nil {
		return
	}
	ctx := n.ctx
	n.owned.Go(func() { n.install(ctx, m) })
}

func (n *Node) install(ctx context.Context, m signaling.Install) {
	report := func(percent int, line string, done bool, failure *signaling.Error) {
		n.say(signaling.Installing{Request: m.Request, App: m.App, Percent: percent, Line: line, Done: done, Error: failure})
	}
	claims, err := n.config.Verifier.Verify(m.Token, token.Player)
	if err == nil && (!claims.Allows(token.Install) || !claims.AllowsApp(m.App)) {
		err = signaling.Errorf(signaling.CodeBadToken, "This link does not allow installing %s.", m.App)
	}
	index := slices.IndexFunc(n.config.Offered, func(d app.Description) bool { return d.Name == m.App })
	if err == nil && index < 0 {
		err = signaling.Errorf(signaling.CodeUnknownApp, "This edge does not offer %q.", m.App)
	}
	if err != nil {
		report(0, "", true, signaling.AsError(err))
		return
	}
	n.logger.Info("installing", "app", m.App)
	err = n.config.Installer.Install(ctx, n.config.Offered[index], func(percent int, line string) { report(percent, line, false, nil) })
	if err != nil {
		n.logger.Warn("installing failed", "app", m.App, "error", err)
		report(0, "", true, signaling.Errorf(signaling.CodeEdgeRefused, "%v.", err))
		return
	}
	report(100, "", true, nil)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sendStatus(n.apps())
}
