// Package turn is a TURN server (RFC 8656) for players who reach no edge by themselves, and the credentials for it.
//
// It relays UDP between a player and the media address of the one edge that runs the player's session, and nothing else: it is no open
// relay. Which address that is stands in the user's name, sealed, so that servers which share a secret need share nothing else.
//
// # Credentials
//
// As in draft-uberti-behave-turn-rest-00, which coturn's use-auth-secret speaks too:
//
//	username = EXPIRY ":" SESSION [":" SEALED]    EXPIRY in seconds of Unix time
//	password = base64(HMAC-SHA1(secret, username))
//
// SEALED is base64url of a nonce and of the grant's peers, encrypted with AES-256-GCM by a key made from the secret; what stands before
// it is authenticated with it. coturn takes all behind EXPIRY for a name, and then relays to wherever its own settings let it.
//
// # Hidden
//
// A grant may be hidden: then the edge is not told to the player at all. The player sends to a stand-in (StandIn), an address that leads
// nowhere, and the server puts the edge's in its place, and back. The edge sees the server, the player the stand-in.
//
// # Concurrency
//
// A Key is immutable. New takes the port; Run serves it, and returns after all sockets are closed.
package turn
