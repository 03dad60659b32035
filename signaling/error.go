package signaling

import (
	"errors"
	"fmt"
)

// Code names a reason for which a request failed or a session ended. Programs branch on it; people read Message and Hint.
// A code that is not listed here comes from a newer peer and is kept as it is.
type Code string

// The codes of this version.
const (
	CodeBadToken      Code = "bad-token"       // not signed by a known key, or not for this
	CodeExpiredToken  Code = "expired-token"   // was good once
	CodeSpentToken    Code = "spent-token"     // was good for one session, which began
	CodeUnproven      Code = "unproven"        // the connection's other end did not sign it as the token demands
	CodeBadKey        Code = "bad-key"         // a key was not proved, or may not do this
	CodeWrongOrigin   Code = "wrong-origin"    // the Host or Origin header is not on the list
	CodeNoEdge        Code = "no-edge"         // no edge is registered
	CodeFull          Code = "full"            // every edge that would do is in use
	CodeUnknownApp    Code = "unknown-app"     // no edge lists the app
	CodeNotInstalled  Code = "not-installed"   // listed, installed nowhere
	CodeNoCommonCodec Code = "no-common-codec" // player and edges share no codec
	CodeWrongRegion   Code = "wrong-region"    // no edge that would do lies where the token is good
	CodeNoSuchPicture Code = "no-such-picture" // no edge was seen to send the size and frame rate that were asked for
	CodeLowScore      Code = "low-score"       // no edge that would do has the score that was asked for
	CodeTooDear       Code = "too-dear"        // every edge that would do costs more than the token pays
	CodeNotAccepting  Code = "not-accepting"   // every edge that would do takes no players just now
	CodeAppFailed     Code = "app-failed"      // the app did not start
	CodeAppExited     Code = "app-exited"      // the app ended by itself
	CodeEdgeGone      Code = "edge-gone"       // the edge's connection was lost and did not come back
	CodeDegraded      Code = "degraded"        // the edge does not keep up with the session; another one takes over
	CodeEdgeRefused   Code = "edge-refused"    // the edge will not run this session
	CodeRateLimited   Code = "rate-limited"    // too many messages or connections
	CodeBadMessage    Code = "bad-message"     // does not parse, out of bounds, or out of turn
	CodeWrongVersion  Code = "wrong-version"   // no common WebSocket subprotocol
	CodeTimedOut      Code = "timed-out"       // a step of the session took too long
	CodeShuttingDown  Code = "shutting-down"   // signaling or the edge is being stopped
	CodeReplaced      Code = "replaced"        // a newer connection took over
	CodeLeft          Code = "left"            // the player left, as an edge is told it
	CodeStale         Code = "stale"           // a proposed lease was overtaken; signaling tries another, so that no player reads it
	CodeTokenInUse    Code = "token-in-use"    // the token's one lease is held
	CodeBanned        Code = "banned"          // an operator has ordered that this edge, key or token is not good here
	CodeInternal      Code = "internal"        // a defect of ours; the log has the rest
)

// Codes returns every code of this version.
func Codes() []Code {
	return []Code{
		CodeBadToken, CodeExpiredToken, CodeSpentToken, CodeUnproven, CodeBadKey, CodeWrongOrigin, CodeNoEdge, CodeFull, CodeUnknownApp, CodeNotInstalled,
		CodeNoCommonCodec, CodeWrongRegion, CodeNoSuchPicture, CodeLowScore, CodeTooDear, CodeNotAccepting, CodeAppFailed, CodeAppExited, CodeEdgeGone, CodeDegraded, CodeEdgeRefused, CodeRateLimited, CodeBadMessage,
		CodeWrongVersion, CodeTimedOut, CodeShuttingDown, CodeReplaced, CodeLeft, CodeStale, CodeTokenInUse, CodeBanned, CodeInternal,
	}
}

// Error is a failure in words for the player: what happened and why, what to do, and whether the same request may work later.
// It travels as it is (ERROR in the package comment).
type Error struct {
	Code      Code   `json:"code"`
	Message   string `json:"message"`
	Hint      string `json:"hint"`
	Retryable bool   `json:"retryable"`
}

func (e *Error) Error() string {
	if e.Hint == "" {
		return string(e.Code) + ": " + e.Message
	}
	return string(e.Code) + ": " + e.Message + " " + e.Hint
}

// Is reports whether target is an *Error of the same code, so that errors.Is(err, &Error{Code: CodeFull}) asks for one.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Code == e.Code
}

// NewError returns the error of a code with its default message and hint.
func NewError(code Code) *Error {
	e := defaults(code)
	e.Code = code
	return &e
}

// Errorf is NewError with a message of its own, cut to what a message may carry; the hint stays the code's.
func Errorf(code Code, format string, args ...any) *Error {
	e := NewError(code)
	e.Message = Cut(fmt.Sprintf(format, args...), maxMessageText)
	return e
}

// WithHint returns a copy of e that says what to do in other words.
func (e *Error) WithHint(hint string) *Error {
	other := *e
	other.Hint = Cut(hint, maxHint)
	return &other
}

// AsError returns the *Error in err's chain; any other error becomes an internal one that does not tell its text.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return NewError(CodeInternal)
}

// defaults says each code in words for someone who wants to play and has never heard of a socket.
func defaults(code Code) Error {
	switch code {
	case CodeBadToken:
		return Error{Message: "This link is not valid here.", Hint: "Ask for a new link, and open it whole, with everything after the #."}
	case CodeExpiredToken:
		return Error{Message: "This link has expired.", Hint: "Ask for a new link."}
	case CodeSpentToken:
		return Error{Message: "This link has been used already.", Hint: "Ask for a new link; each is good for one game."}
	case CodeUnproven:
		return Error{Message: "It cannot be shown that your connection to the machine is yours alone.", Hint: "Ask for a new link. If it happens again, somebody may be listening in: tell whoever gave you the link."}
	case CodeBadKey:
		return Error{Message: "The machine could not show that it is who it says.", Hint: "Its owner has to look at its wallet and its clock."}
	case CodeWrongOrigin:
		return Error{Message: "This page may not use this server.", Hint: "Open the link exactly as it was given; the server's owner can allow further host names and origins."}
	case CodeNoEdge:
		return Error{Message: "No machine is connected that could run the game.", Hint: "Try again in a moment; if you run the machine, check that its edge is started.", Retryable: true}
	case CodeFull:
		return Error{Message: "Every machine that has this game is in use.", Hint: "Try again when a player has left.", Retryable: true}
	case CodeUnknownApp:
		return Error{Message: "No machine offers this game.", Hint: "Pick one from the list."}
	case CodeNotInstalled:
		return Error{Message: "This game is not installed.", Hint: "Install it from the list, or ask the machine's owner."}
	case CodeNoCommonCodec:
		return Error{Message: "Your browser cannot decode any video format that the machine can send.", Hint: "Try a current Chrome, Edge, Safari or Firefox."}
	case CodeWrongRegion:
		return Error{Message: "No machine that has this game is where this link is good.", Hint: "Ask for a link for another region."}
	case CodeNoSuchPicture:
		return Error{Message: "No machine was seen to send so large a picture so often.", Hint: "Ask for a smaller picture or fewer frames per second."}
	case CodeLowScore:
		return Error{Message: "No machine that has this game was found good enough.", Hint: "Try again later, or ask for a link that takes other machines."}
	case CodeTooDear:
		return Error{Message: "Every machine that would do costs more than this link pays.", Hint: "Try again later, or ask for a link that pays more.", Retryable: true}
	case CodeNotAccepting:
		return Error{Message: "Every machine that has this game takes no players just now.", Hint: "Try again in a moment.", Retryable: true}
	case CodeAppFailed:
		return Error{Message: "The game did not start.", Hint: "The last lines it printed may say why.", Retryable: true}
	case CodeAppExited:
		return Error{Message: "The game has ended.", Hint: "Start it again to go on playing.", Retryable: true}
	case CodeEdgeGone:
		return Error{Message: "The machine that ran your game cannot be reached any more.", Hint: "Play again to be given another one.", Retryable: true}
	case CodeDegraded:
		return Error{Message: "The machine that ran your game does not keep up any more.", Hint: "Your game goes on at another machine; what it had saved is where it saves it.", Retryable: true}
	case CodeEdgeRefused:
		return Error{Message: "The machine declined to run this session.", Hint: "Try again; you may be given another machine.", Retryable: true}
	case CodeRateLimited:
		return Error{Message: "Too many requests came from your side.", Hint: "Wait a moment, then try again.", Retryable: true}
	case CodeBadMessage:
		return Error{Message: "The server did not understand a message.", Hint: "Reload the page; if that does not help, page and server may be of different versions."}
	case CodeWrongVersion:
		return Error{Message: "This page and the server speak different versions.", Hint: "Reload the page; the owner may have to update one of the two."}
	case CodeTimedOut:
		return Error{Message: "It took too long.", Hint: "Try again.", Retryable: true}
	case CodeShuttingDown:
		return Error{Message: "The server is being stopped.", Hint: "Try again in a minute.", Retryable: true}
	case CodeReplaced:
		return Error{Message: "This session was taken up in another place.", Hint: "Go on there, or reload this page to bring it back here."}
	case CodeStale:
		return Error{Message: "The machine was given to somebody else at the same moment.", Hint: "Try again.", Retryable: true}
	case CodeTokenInUse:
		return Error{Message: "This link is being played already.", Hint: "Return to the tab or machine where it is, or end the game there first.", Retryable: true}
	case CodeBanned:
		return Error{Message: "The operator of this server has closed it to you.", Hint: "Ask whoever gave you the link; they can ask the operator."}
	case CodeLeft:
		return Error{Message: "The player left.", Hint: "Play again to start anew.", Retryable: true}
	default:
		return Error{Message: "Something went wrong on the server.", Hint: "Try again; if it happens again, tell the server's owner.", Retryable: true}
	}
}
