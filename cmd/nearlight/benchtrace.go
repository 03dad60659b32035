package main

import (
	"bufio"
	"fmt"
	"os"
	"time"

	"nearlight/internal/bench"
	"nearlight/internal/media"
	"nearlight/streamer"
)

// readTrace reads the stage times that a measurement wrote, by RTP timestamp.
func readTrace(name string) (map[uint32]media.StageTimes, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	frames := map[uint32]media.StageTimes{}
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		var t media.StageTimes
		if _, err := fmt.Sscanf(scanner.Text(), "%d,%d,%d,%d,%d,%d",
			&t.Damaged, &t.GrabBegun, &t.Grabbed, &t.Converted, &t.Encoded, &t.Sent); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", name, scanner.Text(), err)
		}
		frames[streamer.RTPTimestamp(t.Damaged)] = t
	}
	return frames, nil
}

// readInputs reads when the edge had each key, by sequence. Of two players' the first counts.
func readInputs(name string) (map[uint32]media.Instant, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	inputs := map[uint32]media.Instant{}
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		var sequence uint32
		var at media.Instant
		if _, err := fmt.Sscanf(scanner.Text(), "%d,%d", &sequence, &at); err != nil {
			return nil, fmt.Errorf("%s: %q: %w", name, scanner.Text(), err)
		}
		if _, twice := inputs[sequence]; !twice {
			inputs[sequence] = at
		}
	}
	return inputs, nil
}

// shownFrame is one frame as a player saw it, on the edge's clock.
type shownFrame struct {
	rtp      uint32
	count    uint32        // frames presented so far, this one included: a busy page misses callbacks, not frames
	drawn    media.Instant // from the marker, 0 when it was not read
	input    uint32        // from the marker
	received media.Instant // last packet
	decode   time.Duration
	shown    media.Instant
	shownNow media.Instant // the callback's own clock, which ticks with the display; 0 when there is none
}

// pressed is one key press, on the edge's clock.
type pressed struct {
	seq uint32
	at  media.Instant
}

// sentBetween counts the frames that were sent after one and up to another.
func sentBetween(trace map[uint32]media.StageTimes, first, last uint32) int {
	sent := 0
	for timestamp := range trace {
		if timestamp-first <= last-first && timestamp != first {
			sent++
		}
	}
	return sent
}

// freezeGap is what counts as a freeze.
const freezeGap = 100 * time.Millisecond

// reportFrames adds every figure that follows from the frames that were shown, in order, and their traces.
func reportFrames(r *bench.Report, frames []shownFrame, keys []pressed, trace map[uint32]media.StageTimes, heard map[uint32]media.Instant, labels bench.Labels) {
	samples := map[string][]float64{}
	add := func(name string, d time.Duration) {
		samples[name] = append(samples[name], milliseconds(d))
	}
	freezes, unread := 0, 0
	for i, f := range frames {
		if i > 0 && f.shown.Sub(frames[i-1].shown) > freezeGap {
			freezes++
		}
		if f.drawn == 0 {
			unread++
		} else {
			add("drawn_to_received", f.received.Sub(f.drawn))
			add("glass_to_glass", f.shown.Sub(f.drawn))
			if f.shownNow != 0 {
				add("glass_to_glass_now", f.shownNow.Sub(f.drawn))
			}
		}
		add("decode", f.decode)
		add("present", f.shown.Sub(f.received)-f.decode)
		if t, ok := trace[f.rtp]; ok {
			add("damage_wait", t.GrabBegun.Sub(t.Damaged))
			add("capture_convert", t.Converted.Sub(t.GrabBegun))
			add("encode", t.Encoded.Sub(t.Converted))
			add("pace", t.Sent.Sub(t.Encoded))
			add("edge_overhead", t.Sent.Sub(t.Damaged)-t.Encoded.Sub(t.Converted))
			add("network", f.received.Sub(t.Sent))
			if f.drawn != 0 {
				add("drawn_to_damage", t.Damaged.Sub(f.drawn))
			}
		}
	}
	next := 0
	for _, key := range keys {
		if len(frames) == 0 || key.at < frames[0].shown {
			continue // pressed before the first frame that counts: what answered it may have been left out
		}
		for next < len(frames) && (frames[next].shown < key.at || frames[next].input < key.seq) {
			next++
		}
		if next == len(frames) {
			break
		}
		add("click_to_photon", frames[next].shown.Sub(key.at))
		if at, ok := heard[key.seq]; ok {
			add("click_to_edge", at.Sub(key.at))
			if frames[next].drawn != 0 {
				add("edge_to_drawn", frames[next].drawn.Sub(at))
			}
		}
		if t, ok := trace[frames[next].rtp]; ok { // what answers a key may be a larger frame than others
			add("answer_encode", t.Encoded.Sub(t.Converted))
			add("answer_network", frames[next].received.Sub(t.Sent))
			add("answer_decode_present", frames[next].shown.Sub(frames[next].received))
		}
		if frames[next].shownNow != 0 {
			add("click_to_photon_now", frames[next].shownNow.Sub(key.at))
		}
	}
	if n := len(frames); n > 1 {
		seconds := frames[n-1].shown.Sub(frames[0].shown).Seconds()
		r.Value("presented_fps", "1/s", float64(frames[n-1].count-frames[0].count)/seconds, labels)
		r.Value("observed_fps", "1/s", float64(n-1)/seconds, labels)
		r.Value("sent_fps", "1/s", float64(sentBetween(trace, frames[0].rtp, frames[n-1].rtp))/seconds, labels)
	}
	r.Value("freezes_100ms", "count", float64(freezes), labels)
	r.Value("markers_unread", "count", float64(unread), labels)
	for _, name := range []string{
		"drawn_to_damage", "damage_wait", "capture_convert", "encode", "pace", "edge_overhead", "network", "drawn_to_received",
		"decode", "present", "glass_to_glass", "glass_to_glass_now", "click_to_edge", "edge_to_drawn", "answer_encode", "answer_network", "answer_decode_present", "click_to_photon", "click_to_photon_now",
	} {
		r.Distribution(name, "ms", samples[name], labels)
	}
}
