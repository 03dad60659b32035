// Package beacon answers which public randomness belongs to an instant, so that checkers are drawn by what nobody could know or choose
// before: rounds of a chain as drand publishes them.
//
// # Chains and rounds
//
// A chain has a key, a first instant and a period; every period it has one more round, a signature of the round's number that there is only one of:
//
//	genesis        genesis + period    genesis + 2 periods
//	   |------------------|------------------|-------------> time
//	 round 1            round 2            round 3           Chain.RoundAt, Chain.TimeOf
//
// The scheme is drand's bls-unchained-g1-rfc9380, quicknet's: BLS signatures on G1 of BLS12-381, of the SHA-256 of the number in eight octets,
// big-endian. A round's value is the SHA-256 of its signature. Signatures are unique, so that two values of one round cannot both
// verify: who has the chain's hash needs to trust no server. The others of drand's schemes are refused.
//
// A draw takes a round that is yet to come as it is set: Chain.RoundAt(now) + 1, or later.
//
// # Who has rounds
//
// A Client asks servers of drand's HTTP API, the first version: /HASH/info and /HASH/public/ROUND. A Local is a chain of this process with a key
// of its own, for one machine and for tests, and serves the same.
//
// # What is trusted
//
// Of a drand chain, that fewer than its threshold of operators collude: more of them would know rounds before their time, and even they could
// not choose a value. Of a Local, whoever runs it: it knows all of its rounds beforehand.
//
// # Concurrency
//
// A Chain is immutable, a Round a value. Client and Local are safe for concurrent use.
package beacon
