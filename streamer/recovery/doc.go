// Package recovery decides what to do about packets that a player has lost. It is pure: time and round trip are handed to it.
//
// # Vocabulary
//
// A repeat is a packet that is sent again because the player has asked for it (a NACK, RFC 4585 section 6.2.1). It helps while
// the player still waits for the frame that it belongs to; later it only takes bits from frames that are not shown yet.
//
// A frame is in doubt when repeats of one of its packets were lost again and again: whoever codes should refer past it, if that costs nothing but
// a coarser prediction. It is lost for good when no repeat is in time any more: then something has to be done that costs more. A frame
// is needed until the player has shown it or a later one, or until a later one was sent that does without it.
package recovery
