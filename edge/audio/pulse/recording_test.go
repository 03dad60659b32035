package pulse

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var config = Config{Source: "nearlight.monitor", Rate: 48000, Fragment: 5 * time.Millisecond, Client: "test"}

// serve answers one client: what says for each command, by its code, what comes back.
func serve(t *testing.T, what func(conn net.Conn, code, serial uint32)) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		listener.Close()
		<-done
	})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		header := make([]byte, descriptorLength)
		for {
			if _, err := io.ReadFull(conn, header); err != nil {
				return
			}
			length, _, err := descriptor(header)
			if err != nil {
				t.Error(err)
				return
			}
			payload := make([]byte, length)
			if _, err := io.ReadFull(conn, payload); err != nil {
				return
			}
			r := reader{payload}
			code, err := r.number()
			serial, err2 := r.number()
			if err := errors.Join(err, err2); err != nil {
				t.Error(err)
				return
			}
			what(conn, code, serial)
		}
	}()
	return socket
}

const stream = 3

// willing grants everything and plays what it is given.
func willing(play ...[]byte) func(net.Conn, uint32, uint32) {
	return func(conn net.Conn, code, serial uint32) {
		w := command(commandReply, serial)
		switch code {
		case commandAuth:
			w.number(0xc0000000 | 35)
		case commandCreateRecordStream:
			for _, n := range []uint32{stream, 1, 19200, 960} {
				w.number(n)
			}
			w.sampleSpec(formatS16LE, 2, 48000)
			w.channelMap(frontLeft, frontRight)
		}
		_, _ = conn.Write(w.message()) // the client may be gone
		if code == commandCreateRecordStream {
			for _, message := range play {
				_, _ = conn.Write(message)
			}
		}
	}
}

// data is a message of samples.
func data(channel uint32, octets []byte) []byte {
	message := make([]byte, descriptorLength, descriptorLength+len(octets))
	binary.BigEndian.PutUint32(message, uint32(len(octets)))
	binary.BigEndian.PutUint32(message[4:], channel)
	return append(message, octets...)
}

func news(code uint32) []byte {
	w := command(code, 0xffffffff)
	w.number(stream)
	return w.message()
}

// serverInfo answers a question for the server's defaults.
func serverInfo(serial uint32, source string) []byte {
	w := command(commandReply, serial)
	for _, s := range []string{"double", "1", "user"} {
		w.text(s)
	}
	w.bytes = append(w.bytes, tagNull) // no host
	w.sampleSpec(formatS16LE, 2, 48000)
	w.text("sink")
	w.text(source)
	w.number(0xc00c1e)
	return w.message()
}

func TestTheDefaultSourceIsAsked(t *testing.T) {
	willing := willing()
	socket := serve(t, func(conn net.Conn, code, serial uint32) {
		if code != commandGetServerInfo {
			willing(conn, code, serial)
			return
		}
		_, _ = conn.Write(serverInfo(serial, "microphone"))
	})
	if source, err := DefaultSource(t.Context(), socket, "test"); err != nil || source != "microphone" {
		t.Errorf("%q, %v", source, err)
	}
	socket = serve(t, willing) // which answers without saying anything
	if _, err := DefaultSource(t.Context(), socket, "test"); !errors.Is(err, ErrProtocol) {
		t.Errorf("an answer of nothing: %v", err)
	}
}

func TestSamplesComeAndWhatIsNotForUsIsPassedOver(t *testing.T) {
	socket := serve(t, willing(data(7, make([]byte, 8)), news(91), data(stream, []byte{1, 0, 0xff, 0xff}), data(stream, nil), data(stream, []byte{2, 0, 3, 0}), news(commandRecordStreamKilled)))
	r, err := Record(t.Context(), socket, config)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var got []int16
	for range 2 {
		octets, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		var samples [8]int16
		got = append(got, samples[:Samples(samples[:], octets)]...)
	}
	if len(got) != 4 || got[0] != 1 || got[1] != -1 || got[2] != 2 || got[3] != 3 {
		t.Errorf("got %v", got)
	}
	if _, err := r.Next(); !errors.Is(err, ErrKilled) {
		t.Errorf("once the server ended it: %v", err)
	}
}

func TestAServerThatRefusesOrSpeaksAnotherLanguageIsTold(t *testing.T) {
	answer := func(make func(serial uint32) []byte) func(net.Conn, uint32, uint32) {
		return func(conn net.Conn, _, serial uint32) { _, _ = conn.Write(make(serial)) }
	}
	for name, c := range map[string]struct {
		serve func(net.Conn, uint32, uint32)
		want  error
	}{
		"refuses": {answer(func(serial uint32) []byte {
			w := command(commandError, serial)
			w.number(1)
			return w.message()
		}), ErrRefused},
		"is old": {answer(func(serial uint32) []byte {
			w := command(commandReply, serial)
			w.number(8)
			return w.message()
		}), ErrProtocol},
		"answers without a version":   {answer(func(serial uint32) []byte { return command(commandReply, serial).message() }), ErrProtocol},
		"sends a message of 4 GB":     {answer(func(uint32) []byte { return []byte(strings.Repeat("\xff", descriptorLength)) }), ErrProtocol},
		"sends half a sample":         {willing(data(stream, []byte{1, 2, 3})), ErrProtocol},
		"sends a command of no value": {willing(data(controlChannel, []byte{1, 2, 3})), ErrProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := Record(t.Context(), serve(t, c.serve), config)
			if err == nil {
				defer r.Close()
				_, err = r.Next()
			}
			if !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
		})
	}
}

func TestARecordingEndsWithItsContextAndWithItsServer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, err := Record(ctx, serve(t, willing()), config)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := r.Next(); err == nil {
		t.Error("samples came from nowhere")
	}
	if _, err := Record(t.Context(), filepath.Join(t.TempDir(), "nobody"), config); err == nil {
		t.Error("recorded without a server")
	}
	if _, err := Record(ctx, serve(t, willing()), config); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: %v", err)
	}
}

// memory is a connection whose other side has said everything already.
type memory struct {
	net.Conn
	io.Reader
}

func (m memory) Read(b []byte) (int, error)    { return m.Reader.Read(b) }
func (memory) SetReadDeadline(time.Time) error { return nil }
func (memory) SetDeadline(time.Time) error     { return nil }
func (memory) Write(b []byte) (int, error)     { return len(b), nil }
func (memory) Close() error                    { return nil }

func FuzzRecording(f *testing.F) {
	reply := command(commandReply, 0)
	reply.number(35)
	f.Add(append(reply.message(), data(stream, []byte{1, 0, 2, 0})...))
	f.Add(news(commandRecordStreamKilled))
	f.Add(serverInfo(0, "microphone"))
	f.Fuzz(func(t *testing.T, said []byte) {
		hear := func() *client { return newClient(memory{Reader: strings.NewReader(string(said))}) }
		if source, err := hear().defaultSource(); err != nil && source != "" || len(source) > longestMessage {
			t.Fatalf("a source %q, and %v", source, err)
		}
		r := &Recording{client: hear()}
		if err := errors.Join(r.enter("test"), r.create(config)); err != nil {
			r = &Recording{client: hear(), stream: stream}
		}
		for {
			octets, err := r.Next()
			if err != nil {
				return
			}
			if len(octets) == 0 || len(octets)%4 != 0 || len(octets) > longestMessage {
				t.Fatalf("%d octets", len(octets))
			}
		}
	})
}
