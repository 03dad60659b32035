// Package identity answers who signed something: keys on the curve secp256k1 (SEC 2) of edges, checkers and players' sessions, the
// addresses that name them, and the statements that they sign.
//
// An Address is the last twenty octets of the Keccak-256 hash of a public key, written as EIP-55 has it; a wallet or a contract of
// Ethereum's names the same key alike. What is signed is a statement of a fixed type (EIP-712), so that a signature for one purpose is
// worth nothing for another: Login (an edge to signaling), Binding (edge and player, of the connection between them), Endorsement (a
// studio's root key, of an edge), Lease (an edge, of a slot that it gives away), Commitment and Report (a checker, of what it has
// found). Their domain names no chain and no contract: none of them moves money.
//
// A signature is 65 octets, r, s and v, with s in the lower half of the order (EIP-2) and v 27 or 28: of each signature there is one form.
//
// Everything but a Verifier is immutable and safe for concurrent use. Without cgo the same results come more slowly (go test -bench . measures it).
package identity
