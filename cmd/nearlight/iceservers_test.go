package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nearlight/signaling/turn"
)

func iceFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ice.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestPlayersAreToldTheServersOfTheFile(t *testing.T) {
	at := func() time.Time { return time.Unix(1_700_000_000, 0) }
	servers, err := readICEServers(iceFile(t, `
- urls: ["stun:stun.example"]
- urls: ["turn:turn.example:3478?transport=udp", "turns:turn.example:443?transport=tcp"]
  username: all
  credential: alike
- urls: ["turn:signed.example"]
  secret: north
`), at)
	if err != nil {
		t.Fatal(err)
	}
	told := servers(turn.Grant{Session: "s-1"})
	if len(told) != 3 || told[0].Username != "" || len(told[1].URLs) != 2 || told[1].Credential != "alike" {
		t.Errorf("%d servers, %v", len(told), told)
	}
	// printf 1700086400:s-1 | openssl dgst -sha1 -hmac north -binary | base64
	if got := told[2]; got.Username != "1700086400:s-1" || got.Credential != "uQhBbNcG2yP+Mu9fB4iWpNmrDas=" {
		t.Errorf("%s signs %q as %q", got, got.Username, got.Credential)
	}
	if none, err := readICEServers("", at); none != nil || err != nil {
		t.Errorf("without a file: %v", err)
	}
}

func TestAFileOfServersThatPlayersWouldRefuseIsRefusedWithoutShowingItsSecrets(t *testing.T) {
	for why, text := range map[string]string{
		"not a list":               "urls: hush",
		"a field nobody knows":     "- {urls: [\"turn:a\"], pasword: hush}",
		"another scheme":           "- {urls: [\"http://a\"], credential: hush}",
		"no address":               "- {credential: hush}",
		"a secret and a username":  "- {urls: [\"turn:a\"], username: u, secret: hush}",
		"a list where text is due": "- {urls: [\"turn:a\"], credential: [hush]}",
	} {
		_, err := readICEServers(iceFile(t, text), time.Now)
		if err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", why, err)
		}
	}
	if _, err := readICEServers("/does/not/exist", time.Now); err == nil || !strings.Contains(err.Error(), "--ice-servers") {
		t.Errorf("no file: %v", err)
	}
}
