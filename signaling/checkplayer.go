package signaling

import "strings"

func (m Play) check(c *checks) {
	c.token(m.Token)
	if m.App != "" {
		c.app(m.App)
	}
	c.size(m.Size)
	c.codecs(m.Codecs, 1)
	if m.Resume != "" {
		c.id("resume", string(m.Resume))
	}
	if m.Restart && m.Resume == "" {
		c.fail("restart is there without resume")
	}
	if m.Watch != "" {
		c.id("watch", string(m.Watch))
	}
}

func (m Offer) check(c *checks) {
	c.session(m.Session)
	c.text("sdp", m.SDP, 1, maxSDP)
	if m.Edge != nil {
		c.address("edge.address", m.Edge.Address)
		if m.Edge.Epoch > maxEpoch {
			c.fail("edge.epoch is %d, want 0 to %d", m.Edge.Epoch, uint64(maxEpoch))
		}
		if m.Edge.Endorsement != "" {
			c.made("edge.endorsement", m.Edge.Endorsement, maxEndorsement, isTokenOctet)
		}
		if m.Edge.Signature != "" {
			c.hex("edge.signature", m.Edge.Signature, signatureDigits)
		}
	}
}

func (m Answer) check(c *checks) {
	c.session(m.Session)
	c.text("sdp", m.SDP, 1, maxSDP)
	if m.Player != nil {
		c.address("player.address", m.Player.Address)
		c.hex("player.signature", m.Player.Signature, signatureDigits)
	}
}

func (m Bound) check(c *checks) {
	c.session(m.Session)
	c.hex("signature", m.Signature, signatureDigits)
}

func (m Candidate) check(c *checks) {
	c.session(m.Session)
	c.present("candidate")
	c.text("candidate", m.Candidate, 0, maxCandidate)
	c.text("mid", m.Mid, 0, maxMid)
	c.between("line", m.Line, 0, maxLineIndex)
}

func (Check) check(*checks) {}

func (m Restart) check(c *checks) { c.session(m.Session) }

func (m Unheard) check(c *checks) { c.session(m.Session) }

func (m Install) check(c *checks) {
	if c.direction.edge() {
		c.id("request", string(m.Request))
	}
	c.token(m.Token)
	c.app(m.App)
}

func (Leave) check(*checks) {}

func (m Matched) check(c *checks) {
	c.id("session", string(m.Session))
	c.id("edge.id", string(m.Edge.ID))
	c.label("edge.name", m.Edge.Name, 0, maxName)
	if m.Share != "" {
		c.made("share", m.Share, maxToken, isTokenOctet)
	}
	if m.Lease != nil {
		m.Lease.check(c)
	}
	c.between("number of ICE servers", len(m.ICEServers), 0, maxICEServers)
	for _, server := range m.ICEServers {
		c.between("number of ICE URLs", len(server.URLs), 1, maxICEURLs)
		for _, url := range server.URLs {
			c.text("ICE URL", url, 1, maxICEURL)
			switch scheme, _, _ := strings.Cut(url, ":"); scheme {
			case "stun", "stuns", "turn", "turns":
			default:
				c.fail("ICE URL %q is neither stun nor turn", url)
			}
		}
		c.text("username", server.Username, 0, maxICESecret)
		c.text("credential", server.Credential, 0, maxICESecret)
	}
}

func (m Progress) check(c *checks) {
	c.session(m.Session)
	if m.Stage != StageStarting && m.Stage != StageConnecting {
		c.fail("unknown stage %q", Cut(m.Stage, maxName))
	}
	c.text("detail", m.Detail, 0, maxDetail)
}

func (m Checked) check(c *checks) {
	if m.Edge != Alive && m.Edge != Gone {
		c.fail("edge is neither %s nor %s", Alive, Gone)
	}
}

func (m Installing) check(c *checks) {
	if c.direction.edge() {
		c.id("request", string(m.Request))
	}
	c.app(m.App)
	c.between("percent", m.Percent, 0, 100)
	c.text("line", m.Line, 0, maxOutputLine)
	if m.Error != nil {
		c.error("error", m.Error)
	}
}

func (m Ended) check(c *checks) {
	c.session(m.Session)
	c.error("reason", m.Reason)
	c.between("lines of output", len(m.Output), 0, maxOutputLines)
	for _, line := range m.Output {
		c.text("output", line, 0, maxOutputLine)
	}
}

func (m Failed) check(c *checks) { c.error("error", m.Error) }

func (m Moved) check(c *checks) { c.error("reason", m.Reason) }

func (m Queued) check(c *checks) {
	c.between("position", m.Position, 1, maxQueue)
	c.between("waiting", m.Waiting, m.Position, maxQueue)
	c.between("estimate", m.Estimate, -1, maxEstimate)
}
