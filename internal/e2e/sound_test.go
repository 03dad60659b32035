package e2e

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"nearlight/edge/audio"
	"nearlight/internal/e2e/e2etest"
	"nearlight/streamer/control"
)

const hertz = 880

// needSound skips a test where there can be no sound.
func needSound(t *testing.T) {
	t.Helper()
	if _, err := audio.Find(); err != nil {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	}
}

func TestTheGameIsHeardByThePlayerAndByWhoLooksOn(t *testing.T) {
	needSound(t)
	t.Parallel()
	up := start(t, e2etest.Singing(t, hertz, 0), "--size", "640x360")
	player := up.Play(t, e2etest.Request{})
	player.Tone(t, e2etest.Patience, hertz)
	player.Audio(t, e2etest.Patience, control.AudioOn)
	spectator := up.Play(t, e2etest.Request{Watch: player.Session(t)})
	spectator.Tone(t, e2etest.Patience, hertz)
	player.Tone(t, e2etest.Patience, hertz)
}

func TestWithoutPulseAudioTheGameIsHeardByPipeWire(t *testing.T) {
	kinds := audio.Kinds()
	if err := kinds[1].Installed(); err != nil {
		t.Skipf("SKIPPED %s: %v", t.Name(), err)
	}
	t.Parallel()
	var hide []string
	if path, err := exec.LookPath(kinds[0].Program()); err == nil {
		hide = append(hide, path)
	}
	up := e2etest.StartWith(t, e2etest.Options{Hide: hide}, append([]string{"--size", "640x360", "--"}, e2etest.Singing(t, hertz, 0)...)...)
	up.Play(t, e2etest.Request{}).Tone(t, e2etest.Patience, hertz)
}

func TestAPlayerWhoComesBackHearsTheGameAgain(t *testing.T) {
	needSound(t)
	t.Parallel()
	up := start(t, e2etest.Singing(t, hertz, 0), "--size", "640x360")
	doomed := up.StartDoomed(t)
	doomed.Vanish()
	up.Play(t, e2etest.Request{Resume: doomed.Session}).Tone(t, e2etest.Patience, hertz)
}

func TestSilenceTakesNextToNothing(t *testing.T) {
	needSound(t)
	t.Parallel()
	up := start(t, e2etest.Singing(t, hertz, 8*time.Second), "--size", "640x360")
	player := up.Play(t, e2etest.Request{})
	player.Tone(t, e2etest.Patience, hertz)
	player.Silence(t, e2etest.Patience)
	time.Sleep(500 * time.Millisecond) // what a decoder is given to fade
	player.Deaf()
	time.Sleep(2 * time.Second)
	heard := player.Heard()
	// Five reminders in two seconds, where sound would take two hundred frames.
	if heard.Frames > 10 || heard.Pauses == 0 || heard.Lost > 0 {
		t.Errorf("in two seconds of silence %+v came", heard)
	}
}

func TestSoundIsBackAfterItsServerWasKilled(t *testing.T) {
	needSound(t)
	t.Parallel()
	up := start(t, e2etest.Singing(t, hertz, 0), "--size", "640x360")
	player := up.Play(t, e2etest.Request{})
	player.Tone(t, e2etest.Patience, hertz)
	kind, err := audio.Find()
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range up.Processes()[kind.Program()] {
		up.Kill(t, pid)
	}
	killed := time.Now()
	player.Audio(t, e2etest.Patience, control.AudioOn, control.AudioOff, control.AudioOn)
	player.Deaf()
	player.Tone(t, e2etest.Patience, hertz)
	t.Logf("the sound is back within %v", time.Since(killed).Round(time.Millisecond))
	if player.Ended() {
		t.Error("the session ended with its sound server")
	}
}

func TestAGamePlaysInSilenceWhereThereIsNoSoundServer(t *testing.T) {
	t.Parallel()
	var hide []string
	for _, kind := range audio.Kinds() {
		if path, err := exec.LookPath(kind.Program()); err == nil {
			hide = append(hide, path)
		}
	}
	up := e2etest.StartWith(t, e2etest.Options{Hide: hide}, append([]string{"--size", "640x360", "--"}, e2etest.Still(t)...)...)
	player := up.Play(t, e2etest.Request{})
	player.Picture(t, e2etest.Patience, "of the app", time.Time{}, e2etest.Dark)
	if told := player.Audio(t, e2etest.Patience, control.AudioOff); !strings.Contains(told.Reason, "install") {
		t.Errorf("the player is told %+v", told)
	}
	if !strings.Contains(up.Stderr(), "games play in silence") {
		t.Errorf("the edge's owner is told nothing:\n%s", up.Stderr())
	}
}

func TestSoundThatIsNotWantedIsNotOffered(t *testing.T) {
	t.Parallel()
	up := start(t, e2etest.Still(t), "--size", "640x360", "--audio=false")
	offered := make(chan string, 8)
	player := up.Play(t, e2etest.Request{Offer: func(offer string) string {
		offered <- offer
		return offer
	}})
	player.Picture(t, e2etest.Patience, "of the app", time.Time{}, e2etest.Dark)
	if offer := <-offered; strings.Contains(offer, "m=audio") {
		t.Errorf("sound is offered: %s", offer)
	}
}

func TestAClickIsHeardSoon(t *testing.T) {
	needSound(t)
	up := start(t, e2etest.Clicking(t), "--size", "640x360")
	player := up.Play(t, e2etest.Request{})
	e2etest.Eventually(t, e2etest.Patience, "ten clicks", func() bool { return len(player.Heard().Clicks) >= 12 })
	clicks := player.Heard().Clicks[2:]
	slices.Sort(clicks)
	median := clicks[len(clicks)/2]
	t.Logf("from the app to the decoder: median %v, most %v", median.Round(100*time.Microsecond), clicks[len(clicks)-1].Round(100*time.Microsecond))
	if most := 150 * time.Millisecond; median > most { // of 60 ms on a machine that does nothing else, a browser's part included
		t.Errorf("half the clicks take %v, want at most %v", median, most)
	}
}
