package wire

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"nearlight/internal/media"
)

func TestWhatIsWrittenIsRead(t *testing.T) {
	for _, text := range []string{"", "a", "abc", "abcd", "wl_shm", strings.Repeat("x", 4000)} {
		var w Writer
		w.Begin(7, 3)
		w.Uint(1 << 31)
		w.Int(-5)
		w.String(text)
		w.Array([]byte(text))
		w.Uint(9)
		if len(text) > 2000 {
			if !panics(w.End) {
				t.Error("a request longer than any compositor takes was finished")
			}
			continue
		}
		w.End()
		m, n, err := Parse(append(w.Bytes(), 1, 2, 3))
		if err != nil || n != len(w.Bytes()) || m.Object != 7 || m.Opcode != 3 {
			t.Fatalf("%q: object %d, opcode %d, %d bytes, %v", text, m.Object, m.Opcode, n, err)
		}
		if a, b := m.Uint(), m.Int(); a != 1<<31 || b != -5 {
			t.Errorf("%q: numbers %d and %d", text, a, b)
		}
		if a, b, c := m.String(), m.Array(), m.Uint(); a != text || !bytes.Equal(b, []byte(text)) || c != 9 || m.Err() != nil {
			t.Errorf("%q: %q, %q, %d, %v", text, a, b, c, m.Err())
		}
		if m.Uint() != 0 || !errors.Is(m.Err(), ErrMalformed) {
			t.Errorf("%q: an argument too many was read", text)
		}
	}
}

func panics(do func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	do()
	return false
}

func TestAMessageInPiecesIsWaitedFor(t *testing.T) {
	var w Writer
	w.Begin(1, 0)
	w.String("hello")
	w.End()
	whole := w.Bytes()
	for n := range whole {
		if _, taken, err := Parse(whole[:n]); taken != 0 || err != nil {
			t.Errorf("of %d bytes %d were taken, %v", n, taken, err)
		}
	}
}

func TestBytesThatAreNoMessageAreRefused(t *testing.T) {
	for name, b := range map[string][]byte{
		"object 0":                 {0, 0, 0, 0, 0, 0, 8, 0},
		"shorter than its header":  {1, 0, 0, 0, 0, 0, 4, 0},
		"no whole number of words": {1, 0, 0, 0, 0, 0, 10, 0, 0, 0},
		"longer than any":          {1, 0, 0, 0, 0, 0, 0xfc, 0xff},
	} {
		if _, _, err := Parse(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzParse reads whatever comes, as every kind of argument: it must neither panic nor read beyond the message.
func FuzzParse(f *testing.F) {
	var w Writer
	w.Begin(2, 0)
	w.Uint(5)
	w.String("wl_output")
	w.Uint(4)
	w.End()
	f.Add(w.Bytes(), byte(0))
	f.Add([]byte{1, 0, 0, 0, 0, 0, 12, 0, 0xff, 0xff, 0xff, 0xff}, byte(1))
	f.Fuzz(func(t *testing.T, b []byte, kinds byte) {
		for {
			m, n, err := Parse(b)
			if err != nil || n == 0 {
				return
			}
			if n > len(b) || n > LongestMessage {
				t.Fatalf("%d of %d bytes", n, len(b))
			}
			for i := range 8 {
				switch {
				case kinds>>i&1 == 0:
					m.Uint()
				case i%2 == 0:
					_ = m.String()
				default:
					if len(m.Array()) > n {
						t.Fatal("an array longer than its message")
					}
				}
			}
			b = b[n:]
		}
	})
}

// ends are two ends of one connection.
func ends(t *testing.T) (*Conn, *Conn) {
	t.Helper()
	sockets, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var both [2]*Conn
	for i, socket := range sockets {
		if both[i], err = Open(socket); err != nil {
			t.Fatal(err)
		}
	}
	return both[0], both[1]
}

func TestMessagesArriveInOrderHoweverManyAtOnce(t *testing.T) {
	from, to := ends(t)
	defer from.Close()
	defer to.Close()
	const messages = 3000
	sent, seen := uint32(0), uint32(0)
	for seen < messages {
		for ; sent < messages && sent < seen+50; sent++ { // more than the receiver has room for, less than the socket
			from.Begin(sent+1, uint16(sent))
			from.Array(make([]byte, sent%900))
			from.End()
			if err := from.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			if err := to.Receive(); err != nil {
				t.Fatal(err)
			}
		}
		for {
			m, more, err := to.Next()
			if err != nil {
				t.Fatal(err)
			}
			if !more {
				break
			}
			if seen++; m.Object != seen || len(m.Array()) != int((seen-1)%900) {
				t.Fatalf("message %d is of object %d", seen, m.Object)
			}
		}
	}
}

func TestAWaitEndsByWhatComesFirst(t *testing.T) {
	from, to := ends(t)
	defer to.Close()
	expect := func(what string, until media.Instant, want Wake) {
		t.Helper()
		if got, err := to.Wait(until); err != nil || got != want {
			t.Errorf("%s: %v, %v", what, got, err)
		}
	}
	expect("nothing comes", media.Now().Add(time.Millisecond), TimedOut)
	expect("it is late already", media.Now().Add(-time.Second), TimedOut)
	to.Interrupt()
	expect("an interrupt", 0, Interrupted)
	expect("it stays", 0, Interrupted)
	to.Resume()
	to.Resume()
	from.Begin(1, 0)
	from.End()
	if err := from.Flush(); err != nil {
		t.Fatal(err)
	}
	expect("a message", 0, Readable)
	if err := to.Receive(); err != nil {
		t.Fatal(err)
	}
	if err := from.Close(); err != nil {
		t.Fatal(err)
	}
	expect("the end", 0, Readable)
	if err := to.Receive(); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
	to.Begin(1, 0)
	to.End()
	if err := to.Flush(); !errors.Is(err, ErrClosed) {
		t.Errorf("sending after the end: %v", err)
	}
}
