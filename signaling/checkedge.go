package signaling

import "strings"

func (m Login) check(c *checks) { c.address("address", m.Address) }

func (m Challenge) check(c *checks) { c.hex("nonce", m.Nonce, nonceDigits) }

func (p *Proof) check(c *checks) {
	c.seconds("issuedAt", p.IssuedAt)
	c.seconds("expiresAt", p.ExpiresAt)
	c.hex("signature", p.Signature, signatureDigits)
}

func (m Register) check(c *checks) {
	if m.Proof != nil {
		m.Proof.check(c)
	}
	if m.Proof == nil || m.Token != "" {
		c.token(m.Token)
	}
	c.label("name", m.Name, 0, maxName)
	c.between("slots", m.Slots, 1, maxSlots)
	c.present("free")
	c.between("free", m.Free, 0, m.Slots)
	c.codecs(m.Codecs, 1)
	c.apps(m.Apps)
	c.between("number of sessions", len(m.Sessions), 0, maxSessions)
	for _, session := range m.Sessions {
		c.id("session", string(session))
	}
	if m.Since < 0 || m.Since > maxEpoch {
		c.fail("since is %d, want 0 to %d", m.Since, int64(maxEpoch))
	}
	c.between("number of running sessions", len(m.Running), 0, maxSessions)
	for i := range m.Running {
		m.Running[i].check(c)
		c.between("slot", m.Running[i].Slot, 0, m.Slots-1)
	}
	c.slotStates(m.Leases)
	if len(m.Leases) != m.Slots {
		c.fail("leases are %d, slots %d", len(m.Leases), m.Slots)
	}
	c.between("number of media addresses", len(m.Media), 0, maxMedia)
	for _, at := range m.Media {
		c.addressPort("media address", at)
	}
	if m.Endorsement != "" {
		c.made("endorsement", m.Endorsement, maxEndorsement, isTokenOctet)
	}
	m.Traits.check(c)
}

func (m Status) check(c *checks) {
	c.present("free")
	c.between("free", m.Free, 0, maxSlots)
	c.apps(m.Apps)
	c.slotStates(m.Leases)
	c.pictures(m.Pictures)
}

func (c *checks) slotStates(states []SlotState) {
	c.between("number of leases", len(states), 0, maxSlots)
	for _, s := range states {
		c.epoch(s.Epoch)
	}
}

func (m Leased) check(c *checks) {
	c.session(m.Session)
	if m.Lease == nil {
		c.fail("lease is missing")
		return
	}
	m.Lease.check(c)
}

func (m Refuse) check(c *checks) {
	c.session(m.Session)
	c.error("error", m.Error)
}

func (m Living) check(c *checks) { c.session(m.Session) }

func (m Degraded) check(c *checks) {
	c.session(m.Session)
	if m.Reason != nil {
		c.error("reason", m.Reason)
	}
}

func (m Registered) check(c *checks) {
	c.id("edge", string(m.Edge))
	c.between("usage", m.Usage, 0, maxUsagePeriod)
}

func (m Start) check(c *checks) {
	c.session(m.Session)
	c.token(m.Token)
	if m.App != "" {
		c.app(m.App)
	}
	c.size(m.Size)
	c.codecs(m.Codecs, 1)
	if m.Restart && !m.Resume {
		c.fail("restart is there without resume")
	}
	if m.Watch != "" {
		c.id("watch", string(m.Watch))
	}
	switch {
	case m.Lease != nil:
		m.Lease.check(c)
	case m.Watch == "" && !m.Resume:
		c.fail("lease is missing, and the session neither looks on nor resumes")
	}
	c.text("offer", m.Offer, 0, maxSDP)
	if m.Offer != "" && m.Watch == "" {
		c.fail("offer is there without watch")
	}
	if m.Trace != "" {
		c.parent("trace", m.Trace)
	}
}

// parent wants a traceparent of version 00 (W3C Trace Context, section 3.2): ids in lower case, not of zeros alone.
func (c *checks) parent(name, value string) {
	fields := strings.Split(value, "-")
	if len(fields) != 4 || fields[0] != "00" {
		c.fail("%s is no traceparent of version 00", name)
		return
	}
	for i, digits := range []int{32, 16, 2} {
		field := fields[i+1]
		if len(field) != digits || strings.Trim(field, "0123456789abcdef") != "" || i < 2 && strings.Trim(field, "0") == "" {
			c.fail("%s is no traceparent: %q in it", name, Cut(field, digits))
			return
		}
	}
}

func (m Probe) check(c *checks) { c.session(m.Session) }

func (m Stop) check(c *checks) {
	c.session(m.Session)
	c.error("reason", m.Reason)
}
