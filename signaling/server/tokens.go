package server

import "nearlight/internal/identity"

// trust is what a player's token says of edges (token.Claims).
type trust struct {
	edges []identity.Address
	root  identity.Address
}
