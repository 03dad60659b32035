package recovery

import "time"

// arrived takes a packet at the player.
func (s *simStream) arrived(p simPacket) {
	if p.protects != nil {
		s.rowsOpen = append(s.rowsOpen, p.protects)
	} else {
		s.got(p.sequence)
		s.newest = max(s.newest, p.sequence)
	}
	s.restore()
	s.deliver()
	s.ask()
}

func (s *simStream) got(sequence int) {
	if !s.have[sequence] {
		s.have[sequence] = true
		s.frames[s.frameOf[sequence]].came++
	}
}

// restore makes packets again one by one. The newest 48 repair packets are kept, as by libwebrtc.
func (s *simStream) restore() {
	const kept = 48
	for again := true; again; {
		again = false
		open := s.rowsOpen[:0]
		for _, row := range s.rowsOpen {
			missing, at := 0, 0
			for _, sequence := range row {
				if !s.have[sequence] {
					missing, at = missing+1, sequence
				}
			}
			switch missing {
			case 0:
			case 1:
				s.got(at)
				again = true
			default:
				open = append(open, row)
			}
		}
		s.rowsOpen = open
	}
	if n := len(s.rowsOpen); n > kept {
		s.rowsOpen = append([][]int(nil), s.rowsOpen[n-kept:]...)
	}
}

// decodable reports whether a frame is whole, and what it refers to was delivered.
func (s *simStream) decodable(number int) bool {
	f := &s.frames[number]
	return f.came == f.packets && (f.refersTo < 0 || s.frames[f.refersTo].delivered)
}

// deliver hands on what can be decoded, past what is missing where a frame does without it.
func (s *simStream) deliver() {
	for s.next < len(s.frames) && s.frames[s.next].first <= s.newest {
		found := s.next
		for found < len(s.frames) && s.frames[found].first <= s.newest && !s.decodable(found) {
			found++
		}
		if found < len(s.frames) && s.frames[found].first <= s.newest {
			s.next = found + 1
			s.missedFrom = 0
			s.show(found)
			continue
		}
		if s.missedFrom == 0 {
			s.missedFrom = s.now
		}
		if s.now-s.missedFrom > simPatience && s.now-s.begged > 200*time.Millisecond {
			s.begged = s.now
			s.tell(simRequest{keyframe: true})
		}
		return
	}
}

func (s *simStream) show(number int) {
	f := &s.frames[number]
	f.delivered = true
	if f.captured >= simSettle {
		s.result.excess = append(s.result.excess, (s.now-f.captured-s.roundTrip/2).Seconds()*1000)
		if s.now-s.lastFrame > simStall {
			s.result.stalls++
		}
	}
	s.lastFrame = s.now
	s.tell(simRequest{shown: number + 1})
}

// ask asks for what is missing before the newest packet, at once and then once a round trip, ten times at the most.
func (s *simStream) ask() {
	if s.next >= len(s.frames) {
		return
	}
	var missing []int
	for sequence := s.frames[s.next].first; sequence < s.newest; sequence++ {
		a := &s.asks[sequence]
		if s.have[sequence] || a.count == 10 || a.count > 0 && s.now-a.at < s.roundTrip+10*time.Millisecond {
			continue
		}
		a.count++
		a.at = s.now
		missing = append(missing, sequence)
	}
	if len(missing) > 0 {
		s.tell(simRequest{missing: missing})
	}
}

// tick looks at what is missing when no packet comes.
func (s *simStream) tick() {
	s.deliver()
	s.ask()
	s.at(s.now+10*time.Millisecond, s.tick)
}

// report says nothing here, but takes its turn on a link that loses packets in rows: players report on packets twenty times a second.
func (s *simStream) report() {
	s.tell(simRequest{})
	s.at(s.now+50*time.Millisecond, s.report)
}
