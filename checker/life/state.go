package life

// State is where an edge is in its life.
//
//	                      .---------------------- here ----------------------.
//	           enrolment  |             8 passed              session began   |  owner drains            last session
//	Enrolling ----------> | Probation ----------> Standby ------------------> | ------------> Draining ---------------> OnLeave
//	 ^     ^    passed    |                          <------ Streaming <-----'|                  |          ended          |
//	 |     |              '---------------------------------------------------' <----------------'-------------------------'
//	 |     |                  |    ^             ^                                            owner comes back
//	 |     |  not seen: 2 min |    | seen        | seen for 5 min: on probation,
//	 |     |                  v    |             | and unproven
//	 |     |               BrieflyAway --15 min--> LongAway --a day--> Gone
//	 |     |                                                            |
//	 |     '------------------------- seen, or owner comes back --------'
//	 |
//	 |  owner comes back          owner leaves
//	Retired <-------------------------------------- any but Banned
//
//	too many failed             time over: on probation, and unproven
//	here, OnLeave, away ----> Jailed ----> here, OnLeave, and where it was when an appeal is granted
//
//	any -- owner revokes the key --> Banned
//
// What the drawing has no room for:
//   - Draining is one of the states that are here: it is away, jailed and back like the others. Who drains without sessions is on leave at once,
//     and so is who has drained, is away, and has no sessions any more.
//   - Probation goes to Streaming where somebody plays just then; a newcomer with players stays in Probation.
//   - An outage that nobody has told in between may be a longer one at once.
//   - A leave of more than 14 days ends in Enrolling.
//   - Who is retired while jailed comes back to Jailed until the time is over.
type State uint8

// The states. A Life begins in the first.
const (
	Enrolling   State = iota // proves GPU, encoder and frame rate together; no players
	Probation                // a newcomer, or who comes back: test work, and a small share of players
	Standby                  // waits for players: looked for each minute, its capacity checked at random
	Streaming                // has players: their experience is checked each minute
	Draining                 // the owner lets what runs end, and takes nothing new
	OnLeave                  // announced, and without players: nothing is checked, nothing is paid for
	BrieflyAway              // not seen for 2 minutes
	LongAway                 // for 15 minutes: counts as a failed check
	Gone                     // for a day
	Jailed                   // shut out for a time, after too many failed checks
	Retired                  // taken out by its owner
	Banned                   // its key is revoked by its owner: for good, since who else has the key could come back by it
)

const states = int(Banned) + 1

func (s State) String() string {
	names := [...]string{"enrolling", "probation", "standby", "streaming", "draining", "on-leave", "briefly-away", "long-away", "gone", "jailed", "retired", "banned"}
	if int(s) < len(names) {
		return names[s]
	}
	return "unknown"
}

// here reports whether the edge is expected to be there.
func (s State) here() bool { return s == Probation || s == Standby || s == Streaming || s == Draining }

// away reports whether there is an outage that may still end where it began.
func (s State) away() bool { return s == BrieflyAway || s == LongAway }
