package server

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
)

func TestABlockIsWhatNeighboursHaveInCommon(t *testing.T) {
	for from, want := range map[string]string{
		"192.0.2.7": "192.0.2.0/24", "::ffff:192.0.2.9": "192.0.2.0/24", "2001:db8:7:8::9": "2001:db8:7::/48", "fe80::1%eth0": "fe80::/48", "127.0.0.1": "127.0.0.0/24",
	} {
		if got := blockOf(netip.MustParseAddr(from)); got.String() != want {
			t.Errorf("%s: %v, want %s", from, got, want)
		}
	}
	if got := blockOf(netip.Addr{}); got.IsValid() {
		t.Errorf("of no address: %v", got)
	}
}

func TestABlockThatAnotherNodeTellsIsOne(t *testing.T) {
	for told, want := range map[string]bool{
		"": true, "192.0.2.0/24": true, "2001:db8:7::/48": true,
		"192.0.2.7/24": false, "192.0.0.0/16": false, "192.0.2.7/32": false, "2001:db8:7::/64": false, "::ffff:192.0.2.0/120": false, "here": false, strings.Repeat("1", 1000): false,
	} {
		block, is := presentEdge{Block: told}.parsedBlock()
		if is != want || is && told != "" && block.String() != told {
			t.Errorf("%.40q: %v, %t", told, block, is)
		}
	}
}

func TestABlockIsKnownToAllNodesAndNotToldToOperators(t *testing.T) {
	inCity(t, 2, func(c *city) {
		m := c.rig(1)
		m.connect(c.nodes[1])
		m.node.registry.mu.Lock()
		m.edge.reach.From = netip.MustParseAddr("192.0.2.7")
		m.node.registry.mu.Unlock()
		c.settle()
		for _, n := range c.nodes {
			n.registry.mu.Lock()
			v, known := n.registry.viewOf(m.edge.id)
			n.registry.mu.Unlock()
			text, err := json.Marshal(v)
			if !known || v.Block.String() != "192.0.2.0/24" || err != nil || strings.Contains(string(text), "192.0.2") {
				t.Errorf("%v: %s, %v", v.Block, text, err)
			}
		}
	})
}
