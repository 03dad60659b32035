package viewer

import (
	"testing"

	"nearlight/internal/media"
	"nearlight/streamer/control"
)

func TestAPingIsAnsweredOnceAndByItsNameAlone(t *testing.T) {
	var exchanges []Exchange
	v, err := New(Config{Answered: func(e Exchange) { exchanges = append(exchanges, e) }}, nobody{})
	if err != nil {
		t.Fatal(err)
	}
	defer v.connection.Close()
	v.answer(&control.Pong{ID: 0, Edge: 5}, 10) // there is no question, nor one of the zero name
	v.pings.add(7, 100)
	v.answer(&control.Pong{ID: 8, Edge: 5}, 110)
	v.answer(&control.Pong{ID: 7, Edge: 5}, 120)
	v.answer(&control.Pong{ID: 7, Edge: 6}, 130)
	want := Exchange{Asked: 100, Edge: 5, Answered: 120}
	if len(exchanges) != 1 || exchanges[0] != want || want.RoundTrip() != 20 {
		t.Errorf("%v, want %v alone", exchanges, want)
	}
}

func TestOldPingsAreForgotten(t *testing.T) {
	var p pings
	for id := range uint32(keptPings + 1) {
		p.add(id, media.Instant(id)+1)
	}
	if _, known := p.take(0); known {
		t.Error("the oldest still waits")
	}
	if at, known := p.take(1); !known || at != 2 {
		t.Errorf("the next one was asked at %d, %v", at, known)
	}
}
