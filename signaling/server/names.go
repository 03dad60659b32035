package server

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"nearlight/signaling"
)

// names is the list of hosts under which the server may be addressed and of origins that may use it.
type names struct {
	hosts, origins map[string]bool
	also           func(origin string) bool // further origins, of pages that may use some token; nil: none
}

// loopbackNames are served when no hosts are configured.
var loopbackNames = [...]string{"localhost", "127.0.0.1", "[::1]"}

func newNames(hosts, origins []string) (*names, error) {
	if len(hosts) == 0 {
		hosts = loopbackNames[:]
	}
	n := &names{hosts: make(map[string]bool), origins: make(map[string]bool)}
	for _, host := range hosts {
		if host == "" || strings.ContainsAny(host, "/* ") {
			return nil, fmt.Errorf("signaling/server: host %q: want NAME or NAME:PORT", host)
		}
		n.hosts[strings.ToLower(host)] = true
	}
	for _, origin := range origins {
		canonical, ok := canonicalOrigin(origin)
		if !ok {
			return nil, fmt.Errorf("signaling/server: origin %q: want SCHEME://HOST or SCHEME://HOST:PORT", origin)
		}
		n.origins[canonical] = true
	}
	return n, nil
}

// check refuses a request for a host or from an origin that is not on the list.
func (n *names) check(r *http.Request) *signaling.Error {
	if !n.host(r.Host) {
		return signaling.Errorf(signaling.CodeWrongOrigin, "This server is not known as %q.", signaling.Cut(r.Host, maxShown))
	}
	if origins := r.Header.Values("Origin"); len(origins) > 1 || len(origins) == 1 && !n.origin(origins[0], r.Host) {
		return signaling.Errorf(signaling.CodeWrongOrigin, "Pages of %q may not use this server.", signaling.Cut(origins[0], maxShown))
	}
	return nil
}

// KnownAs reports whether a host, NAME or NAME:PORT, is one that the server is addressed by (Config.Hosts).
func (s *Server) KnownAs(host string) bool { return s.names.host(host) }

// maxShown cuts what a stranger sent and is told back.
const maxShown = 128

func (n *names) host(host string) bool {
	host = strings.ToLower(host)
	if n.hosts[host] {
		return true
	}
	name, port, err := net.SplitHostPort(host)
	if err != nil || port == "" {
		return false
	}
	if strings.Contains(name, ":") {
		name = "[" + name + "]"
	}
	return n.hosts[name]
}

func (n *names) origin(origin, host string) bool {
	canonical, ok := canonicalOrigin(origin)
	if !ok {
		return false // "null" as well: a sandboxed frame or a local file
	}
	_, authority, _ := strings.Cut(canonical, "://")
	return n.origins[canonical] || authority == strings.ToLower(host) || n.also != nil && n.also(canonical)
}

// canonicalOrigin is an origin as browsers serialize it (RFC 6454, section 6.1), in small letters.
func canonicalOrigin(text string) (string, bool) {
	parsed, err := url.Parse(strings.ToLower(text))
	if err != nil || (parsed.Scheme != "http" && parsed.Scheme != "https") || parsed.Host == "" || parsed.User != nil ||
		parsed.Path != "" || parsed.RawQuery != "" || parsed.Fragment != "" {
		return "", false
	}
	return parsed.Scheme + "://" + parsed.Host, true
}
