package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"nearlight/signaling"
	"nearlight/signaling/turn"
)

// iceServersUsage describes the flag; the file keeps what opens the servers off the command line and out of `nearlight config`.
const iceServersUsage = "file that lists the STUN and TURN servers that players are told to use (docs/runbook.md)"

// credentialLife is how long what a shared secret signs is good for: a player that begins late in it still plays on, since a server
// asks again only for a new allocation. Every resumption brings a fresh one.
const credentialLife = 24 * time.Hour

// iceServer is an entry of the file: username and credential as they are, or a secret that signs those of each session.
type iceServer struct {
	URLs       []string `yaml:"urls"`
	Username   string   `yaml:"username"`
	Credential string   `yaml:"credential"`
	Secret     string   `yaml:"secret"`
	Nearlight  bool     `yaml:"nearlight"` // it is one of ours: the secret also signs where the session's edge is, which it relays to alone

	key *turn.Key // of Secret; nil where Nearlight is not set
}

// readICEServers reads the file and returns what a session's player is told; without a file nothing.
func readICEServers(name string, now func() time.Time) (func(turn.Grant) []signaling.ICEServer, error) {
	if name == "" {
		return nil, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, usage("read the ICE servers (--ice-servers): %w", err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	var entries []iceServer
	if err := decoder.Decode(&entries); err != nil && !errors.Is(err, io.EOF) {
		return nil, usage("ICE servers in %s: want a list of entries with urls, and username and credential, or secret", name) // err may quote one
	}
	servers := func(grant turn.Grant) []signaling.ICEServer {
		told := make([]signaling.ICEServer, len(entries))
		grant.Expires = now().Add(credentialLife)
		for i, e := range entries {
			told[i] = e.of(grant)
		}
		return told
	}
	for i, e := range entries {
		if e.Secret != "" && (e.Username != "" || e.Credential != "") {
			return nil, usage("ICE servers in %s: entry %d has a secret beside a username or a credential; leave one of them out", name, i+1)
		}
		if e.Nearlight {
			if entries[i].key, err = turn.NewKey(e.Secret); err != nil {
				return nil, usage("ICE servers in %s: entry %d: %w", name, i+1, err)
			}
		}
	}
	// What players would refuse is refused here.
	const longest = "s-0123456789abcdef0123456789abcdef"
	if _, err := signaling.Encode(signaling.SignalingToPlayer, signaling.Matched{
		Session: longest, Edge: signaling.EdgeName{ID: "e"}, ICEServers: servers(turn.Grant{Session: longest}),
	}); err != nil {
		return nil, usage("ICE servers in %s: %w", name, err)
	}
	return servers, nil
}

// of is what a session's player is told. A secret signs a name that holds when it ends (draft-uberti-behave-turn-rest-00 section 2.2).
func (e iceServer) of(grant turn.Grant) signaling.ICEServer {
	server := signaling.ICEServer{URLs: e.URLs, Username: e.Username, Credential: e.Credential}
	switch {
	case e.key != nil:
		var err error
		if server.Username, server.Credential, err = e.key.Sign(grant); err != nil {
			panic(err) // its peers are turn.Peers'
		}
	case e.Secret != "":
		server.Username = fmt.Sprintf("%s:%s", strconv.FormatInt(grant.Expires.Unix(), 10), grant.Session)
		mac := hmac.New(sha1.New, []byte(e.Secret))
		mac.Write([]byte(server.Username)) // a hash takes all
		server.Credential = base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return server
}
