package sandbox

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// plain prepares a program without a cage.
func (s *Sandbox) plain(c Command) (*launch, error) {
	path, err := lookPath(c.Args[0], c.Env)
	if err != nil {
		return nil, cause(err)
	}
	switch barrier, err := c.Identity.barrier(path); {
	case err != nil:
		return nil, err
	case barrier != "":
		return nil, barred(path, barrier, c.Identity)
	}
	cmd := &exec.Cmd{
		Path: path, Args: c.Args, Env: c.Env, Dir: c.Dir, ExtraFiles: c.Files,
		SysProcAttr: &syscall.SysProcAttr{Credential: c.Identity.credential()},
	}
	if cmd.Env == nil {
		cmd.Env = []string{} // nil would pass on the edge's own
	}
	return &launch{cmd: cmd}, nil
}

// caged prepares a program in a cage.
func (s *Sandbox) caged(c Command) (_ *launch, err error) {
	l := &launch{}
	defer func() {
		if err != nil {
			l.close()
			if l.report != nil {
				l.report.Close()
			}
		}
	}()
	files := append([]*os.File(nil), c.Files...)
	inherit := func(file *os.File) int {
		files = append(files, file)
		return 2 + len(files) // descriptors 0 to 2 are the standard ones
	}
	status := 0
	if c.Inside == nil {
		report, theirs, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		l.report = report
		l.theirs = append(l.theirs, theirs)
		status = inherit(theirs)
	}
	content := func(text string) (int, error) {
		r, w, err := os.Pipe()
		if err != nil {
			return 0, err
		}
		l.theirs = append(l.theirs, r)
		// A pipe holds far more than these few lines, so writing does not wait for a reader.
		_, err = w.WriteString(text)
		return inherit(r), joinClose(err, w)
	}
	accountText, groupText := accountFiles(c.Identity)
	accounts, err := content(accountText)
	if err != nil {
		return nil, err
	}
	groups, err := content(groupText)
	if err != nil {
		return nil, err
	}
	var stages []Bind
	if c.Binds, stages, err = stage(c.Identity, c.Scratch, c.Binds); err != nil {
		return nil, err
	}

	line := append([]string{s.bwrap}, s.cageArguments(c, status, accounts, groups)...)
	line = append(line, c.Args...)
	if n := c.Inside; n != nil {
		enter := enterArguments(inherit(n.user), inherit(n.ipc), inherit(n.pid))
		line = append(append([]string{s.nsenter}, enter...), line...)
	}
	attributes := &syscall.SysProcAttr{Credential: c.Identity.credential()}
	if len(stages) > 0 {
		line = stageArguments(c.Identity, stages, line)
		attributes.Credential = nil // dropped after the mounts are made
	}
	path, err := lookPath(line[0], nil)
	if err != nil {
		return nil, err
	}
	l.cmd = &exec.Cmd{
		Path: path, Args: line, Env: []string{"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL=C"}, Dir: "/", ExtraFiles: files,
		SysProcAttr: attributes,
	}
	return l, nil
}

// Look finds the program as the session will: a path as it is, a name in PATH of env, which is Path when env has none.
func Look(program string, env []string) (string, error) {
	path, err := lookPath(program, env)
	if err != nil {
		return "", fmt.Errorf("%s %w: %w", program, ErrNotStarted, cause(err))
	}
	return path, nil
}

func lookPath(program string, env []string) (string, error) {
	if strings.Contains(program, "/") {
		return exec.LookPath(program)
	}
	folders := Path
	for _, variable := range env {
		if value, found := strings.CutPrefix(variable, "PATH="); found {
			folders = value
		}
	}
	for _, folder := range filepath.SplitList(folders) {
		if path, err := exec.LookPath(filepath.Join(folder, program)); err == nil && filepath.IsAbs(path) {
			return path, nil
		}
	}
	return "", &exec.Error{Name: program, Err: exec.ErrNotFound}
}

// barred says why a user of a session does not reach a path, and what to do.
func barred(path, folder string, i Identity) error {
	return fmt.Errorf("the session's user (uid %d) may not enter %s; move %s below /opt or /srv, or run: chmod a+x %s",
		i.UID, folder, filepath.Base(path), folder)
}

func joinClose(err error, file *os.File) error {
	if closed := file.Close(); err == nil {
		return closed
	}
	return err
}
