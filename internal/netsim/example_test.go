package netsim_test

import (
	"fmt"
	"time"

	"nearlight/internal/media"
	"nearlight/internal/netsim"
)

// A simulation goes from instant to instant, here a stream of 8 Mbit/s that meets a cliff. It takes as long as it takes to compute.
func Example() {
	link, err := netsim.NewLink(netsim.Config{
		Delay: 20 * time.Millisecond,
		Rate:  netsim.Steps{Steps: []netsim.Step{{Rate: 10 * media.Mbps}, {At: 5 * time.Second, Rate: 2 * media.Mbps}}},
		Queue: netsim.DropTail{Time: 150 * time.Millisecond},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	const interval = time.Millisecond
	var packets []netsim.Packet
	for now := time.Duration(0); now < 10*time.Second; now += interval {
		link.Send(now, netsim.Packet{Size: 1000})
		for at, due := link.Next(); due && at < now+interval; at, due = link.Next() {
			packets = link.Receive(at, packets[:0])
			// Here a receiver would look at packets, and its sender be told.
		}
	}
	c := link.Counters(10 * time.Second)
	fmt.Printf("delivered %d of %d, lost in the queue %d, waited %v at the most\n", c.Delivered, c.Sent, c.LostQueue, c.QueueDelay.Max.Round(time.Millisecond))
	// Output:
	// delivered 6244 of 10000, lost in the queue 3713, waited 146ms at the most
}
