// Package purse answers one question: by which token does a checker visit an edge as players do?
//
// By one that is like players' tokens in all that an edge can see: signed by the key of a studio, with the claims that its players' have. Either a studio leaves some with the network
// before they are needed, or whoever runs the network holds a studio's key, and one is signed when it is needed.
//
// # What is taken
//
// A token is looked at like a player's at signaling's door, when it is left and again when it is used. It may not name edges, nor the key of who comes with it: the checker is not known yet. Nor may it have rights
// that no player has.
//
// # What is on disk
//
// A line for each token that was left, and one for each that was used, in a file that nobody else reads: who has a token can play by it. Whatever is told to have been taken is on the disk, and a token is
// noted as used before anybody has it, so that none is used twice. When it is opened, and when most of the file is about the past, it is written anew.
//
// # Over HTTP
//
//	POST /checks/tokens   {"tokens": [TOKEN]} of a studio, whose token with the right "stock" is the request's; answered by Stocked
//
// # Concurrency
//
// Any goroutine may call a Purse's methods.
package purse
