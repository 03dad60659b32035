// Package recovery decides what to do about packets that a player has lost. It is pure: time and round trip are handed to it.
//
// # Vocabulary
//
// A repeat is a packet that is sent again because the player has asked for it (a NACK, RFC 4585 section 6.2.1). It helps while
// the player still waits for the frame that it belongs to; later it only takes bits from frames that are not shown yet.
package recovery
