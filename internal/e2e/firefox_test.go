package e2e

import (
	"os/exec"
	"testing"

	"nearlight/internal/browsertest"
	"nearlight/internal/e2e/e2etest"
)

// Expressions for the play page.
const (
	// theVideo is the page's video element, or undefined: it may be in the shadow of another.
	theVideo = `(() => {
		const find = (root) => root.querySelector("video") ??
			[...root.querySelectorAll("*")].map((e) => e.shadowRoot && find(e.shadowRoot)).find((v) => v);
		return find(document);
	})()`
	// plays is 1 once the page takes what the player does; a picture may be there before.
	plays = `(() => {
		const has = (root, selector) => root.querySelector(selector) !== null || [...root.querySelectorAll("*")].some((e) => e.shadowRoot && has(e.shadowRoot, selector));
		return has(document, ".tools") && !has(document, ".loading") ? 1 : 0;
	})()`
	shows = theVideo + `?.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA ? 1 : 0`
	// brightness is the luma of the picture's centre.
	brightness = `(() => {
		const canvas = new OffscreenCanvas(1, 1).getContext("2d");
		const video = ` + theVideo + `;
		canvas.drawImage(video, video.videoWidth / 2, video.videoHeight / 2, 1, 1, 0, 0, 1, 1);
		return canvas.getImageData(0, 0, 1, 1).data[1];
	})()`
)

func firefox(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"firefox-esr", "firefox"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skipf("SKIPPED %s: there is no Firefox (apt-get install firefox-esr)", t.Name())
	return ""
}

// Firefox takes no address of this machine for a neighbour of its loopback interface, decodes what its licences allow, and lacks half
// of what Chromium tells about a frame.
func TestFirefoxPlaysByTheLinkThatUpPrints(t *testing.T) {
	program := firefox(t)
	up := start(t, e2etest.Still(t))
	page := browsertest.OpenFirefox(t, program, up.URL+"/#token="+up.Token+"&autoplay=1")
	e2etest.Eventually(t, e2etest.Patience, "Firefox shows the game", func() bool { return page.Evaluate(t, shows) == 1 })
	e2etest.Eventually(t, e2etest.Patience, "the picture is the dark one", func() bool { return page.Evaluate(t, brightness) < 128 })
	e2etest.Eventually(t, e2etest.Patience, "the page plays", func() bool { return page.Evaluate(t, plays) == 1 })
	page.Click(t, 400, 300)
	e2etest.Eventually(t, e2etest.Patience, "the click has turned it bright", func() bool { return page.Evaluate(t, brightness) > 128 })
	page.Press(t, "d")
	e2etest.Eventually(t, e2etest.Patience, "the key has turned it dark", func() bool { return page.Evaluate(t, brightness) < 128 })
}
