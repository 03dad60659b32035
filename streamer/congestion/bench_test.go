package congestion

import (
	"testing"
	"time"
)

const (
	benchPackets = 35 // a frame of 20 Mbit/s
	benchFrames  = 4  // frames to a batch of reports
)

// drive plays frames of a stream of 20 Mbit/s without a network.
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

func BenchmarkPacket(b *testing.B) {
	c := New(0, Config{Ceiling: 20 * mbps, Start: 20 * mbps})
	const batch = 100
	var reports [batch]Report
	b.ReportAllocs()
	for n := range b.N {
		sent := Instant(time.Duration(n+1) * 480 * time.Microsecond)
		c.PacketSent(SentPacket{Sequence: int64(n), Frame: int64(n / benchPackets), Size: 1200, Sent: sent})
		reports[n%batch] = Report{Sequence: int64(n), Arrived: true, Arrival: time.Duration(sent) + 20*milli}
		if n%batch == batch-1 {
			c.Reported(sent.Add(50*milli), reports[:])
		}
	}
}

func BenchmarkNext(b *testing.B) {
	p := lively()
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		p.c.Next(Instant(p.now))
	}
}

func TestNothingIsAllocatedForPacketsAndFrames(t *testing.T) {
	c := New(0, Config{Ceiling: 20 * mbps})
	if got := testing.AllocsPerRun(5, func() { drive(c, 600) }); got > 0 {
		t.Errorf("600 frames take %v allocations", got)
	}
}
