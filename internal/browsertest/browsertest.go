// Package browsertest shows pages in a real browser to tests: what does it make of what it is sent?
package browsertest

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
)

// Show shows a page in a browser, without a window and without a click being needed for sound and pictures, until the returned function is
// called: then the browser and all that it wrote are gone. Through is a command that runs it, such as taskset with its arguments.
func Show(t *testing.T, browser, url string, through ...string) (end func()) {
	t.Helper()
	profile, err := os.MkdirTemp("", "nearlight-browser-")
	if err != nil {
		t.Fatal(err)
	}
	words := append(slices.Clone(through), browser, "--headless=new", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
		"--disable-sync", "--disable-extensions", "--autoplay-policy=no-user-gesture-required", "--user-data-dir="+profile)
	if os.Geteuid() == 0 {
		words = append(words, "--no-sandbox") // Chromium refuses its own as root
	}
	words = append(words, url)
	kill := run(t, exec.Command(words[0], words[1:]...))
	return func() { kill(); remove(t, profile) }
}

// run starts a browser and returns what ends it, and all the processes that it has.
func run(t *testing.T, command *exec.Cmd) (end func()) {
	t.Helper()
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started, ended := make(chan error), make(chan struct{})
	go func() {
		// The parent-death signal fires when the thread that forked ends: this one lives as long as the browser.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(ended)
		err := command.Start()
		started <- err
		if err == nil {
			_ = command.Wait() // it is killed
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	return func() {
		_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) // its group: it has many processes
		<-ended
	}
}

// remove removes the profile of a browser that has just ended.
func remove(t *testing.T, profile string) {
	t.Helper()
	var err error
	for range 50 { // a process that is ending may still write
		if err = os.RemoveAll(profile); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error(errors.Join(errors.New("remove the browser's profile"), err))
}
