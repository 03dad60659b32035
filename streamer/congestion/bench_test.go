package congestion

import (
	"testing"
	"time"
)

const (
	benchPackets = 35 // a frame of 20 Mbit/s
	benchFrames  = 4  // frames to a batch of reports
)

// drive plays frames of a stream of 20 Mbit/s without a network, and returns what a batch of reports comes to.
func drive(c *Controller, frames int) {
	var reports [benchPackets * benchFrames]Report
	var sequence int64
	for f := range frames {
		now := Instant(time.Duration(f+1) * second / 60)
		c.Next(now)
		c.FrameProduced(now, benchPackets*1200)
		for i := range benchPackets {
			sent := now.Add(time.Duration(i) * 200 * time.Microsecond)
			c.PacketSent(SentPacket{Sequence: sequence, Frame: int64(f), Size: 1200, Sent: sent})
			reports[f%benchFrames*benchPackets+i] = Report{Sequence: sequence, Arrived: true, Arrival: time.Duration(sent) + 20*milli}
			sequence++
		}
		then := now.Add(50 * milli)
		if f%benchFrames == benchFrames-1 {
			c.Reported(then, reports[:])
		}
		c.Acknowledged(then, Ack{Frame: int64(f), Received: time.Duration(now) + 30*milli})
	}
}

func BenchmarkFrame(b *testing.B) {
	c := New(0, Config{Ceiling: 20 * mbps, Start: 20 * mbps})
	b.ReportAllocs()
	b.ResetTimer()
	drive(c, b.N)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchPackets, "ns/packet")
}

func TestNothingIsAllocatedForPacketsAndFrames(t *testing.T) {
	c := New(0, Config{Ceiling: 20 * mbps})
	if got := testing.AllocsPerRun(5, func() { drive(c, 600) }); got > 0 {
		t.Errorf("600 frames take %v allocations", got)
	}
}
