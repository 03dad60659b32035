package viewer

import "nearlight/streamer/dependency"

// place is where a packet stands among the frames, by its dependency descriptor.
type place struct {
	known    bool
	unclear  bool // it has a descriptor that says nothing: the keyframe that explains it has not come
	frame    uint16
	first    bool
	last     bool
	keyframe bool
	// Of a frame that refers to several the distances are checked with its first packet; one that cannot be told refers to nothing that
	// was delivered.
	distances [maxReferences]uint16
	count     int
}

const maxReferences = 8

// placeOf reads a packet's descriptor; data is nil where it has none.
func placeOf(r *dependency.Reader, data []byte) place {
	if data == nil {
		return place{}
	}
	f, err := r.Read(data)
	if err != nil || len(f.Distances) > maxReferences {
		return place{unclear: true}
	}
	p := place{known: true, frame: f.Number, first: f.First, last: f.Last, keyframe: len(f.Distances) == 0, count: len(f.Distances)}
	for i, d := range f.Distances {
		p.distances[i] = uint16(d)
	}
	return p
}

// delivered remembers which frames were handed on whole.
type delivered struct {
	numbers [rememberedFrames]uint16
	known   [rememberedFrames]bool
}

const rememberedFrames = 1024 // a power of two

func (d *delivered) add(frame uint16) {
	d.numbers[frame%rememberedFrames], d.known[frame%rememberedFrames] = frame, true
}

func (d *delivered) has(frame uint16) bool {
	return d.known[frame%rememberedFrames] && d.numbers[frame%rememberedFrames] == frame
}

// decodable reports whether all that a frame refers to was delivered.
func (d *delivered) decodable(p place) bool {
	for _, distance := range p.distances[:p.count] {
		if !d.has(p.frame - distance) {
			return false
		}
	}
	return true
}

// skip looks beyond what is missing for a frame that is there whole and needs nothing of it, and goes on there.
func (a *assembler) skip() bool {
	for sequence := a.next; int16(a.newest-sequence) >= 0; sequence++ {
		if p := a.packets[sequence%reorderWindow].place; p.known && p.first && a.whole(sequence) && a.delivered.decodable(p) {
			for a.next != sequence {
				if a.packets[a.next%reorderWindow].packet == nil {
					a.lost++
				}
				a.packets[a.next%reorderWindow] = arrived{}
				a.next++
			}
			a.reset()
			return true
		}
	}
	return false
}

// whole reports whether all packets of the frame are there whose first one is given.
func (a *assembler) whole(first uint16) bool {
	frame := a.packets[first%reorderWindow].place.frame
	for sequence := first; int16(a.newest-sequence) >= 0; sequence++ {
		slot := &a.packets[sequence%reorderWindow]
		if slot.packet == nil || !slot.place.known || slot.place.frame != frame {
			return false
		}
		if slot.place.last {
			return true
		}
	}
	return false
}
