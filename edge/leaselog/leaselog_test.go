package leaselog

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"time"

	"nearlight/internal/identity"
	"nearlight/signaling"
	"nearlight/signaling/lease"
)

// owner is whose the logs are.
var owner = identity.Address{1}

func mustOpen(t *testing.T, folder string, slots int, maxLog int64) *Log {
	t.Helper()
	l, err := open(folder, slots, owner, maxLog)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func granted(slot int, epoch signaling.Epoch) lease.Record {
	return lease.Record{Event: lease.Granted, Slot: slot, Epoch: epoch, Session: "s-1", Token: "t-1"}
}

func TestEpochsOutliveTheProcess(t *testing.T) {
	folder := t.TempDir()
	l := mustOpen(t, folder, 2, MaxLog)
	for epoch := range signaling.Epoch(5) {
		if err := l.Append(granted(1, epoch+1)); err != nil {
			t.Fatal(err)
		}
		if err := l.Note(lease.Record{Event: lease.Released, Slot: 1, Epoch: epoch + 1}); err != nil {
			t.Fatal(err)
		}
	}
	// The process is killed: nothing is closed.
	next := mustOpen(t, folder, 3, MaxLog)
	if got := next.Epochs(3); !reflect.DeepEqual(got, []signaling.Epoch{0, 5, 0}) {
		t.Errorf("%v", got)
	}
	records, err := Read(folder)
	if err != nil || len(records) != 12 || lease.Audit(records) != nil {
		t.Errorf("%d records, %v", len(records), err)
	}
	fewer := mustOpen(t, folder, 1, MaxLog)
	if got := fewer.Epochs(1); got[0] != 0 {
		t.Errorf("%v", got)
	}
	if got := mustOpen(t, folder, 2, MaxLog).Epochs(2); got[1] != 5 {
		t.Errorf("a slot that was taken away comes back with %v", got)
	}
}

func TestWhateverPartOfTheLogACrashLeavesIsReadUpToItsLastWholeLine(t *testing.T) {
	folder := t.TempDir()
	l := mustOpen(t, folder, 1, MaxLog)
	for epoch := range signaling.Epoch(3) {
		if err := l.Append(granted(0, epoch+1)); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(filepath.Join(folder, LogName))
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(whole) + 1 {
		for _, garbage := range []string{"", "\x00\x00\x00\x00", "\n"} {
			after := t.TempDir()
			if err := os.WriteFile(filepath.Join(after, LogName), append(whole[:cut:cut], garbage...), 0o600); err != nil {
				t.Fatal(err)
			}
			want := signaling.Epoch(max(0, bytes.Count(whole[:cut], []byte("\n"))-1))
			l, err := open(after, 1, owner, MaxLog)
			if err != nil {
				t.Fatalf("cut at %d, then %q: %v", cut, garbage, err)
			}
			got := l.Epochs(1)[0]
			if got != want && got != want+1 { // "\n" may be just what was cut off
				t.Fatalf("cut at %d, then %q: epoch %d, want %d", cut, garbage, got, want)
			}
			if records, err := Read(after); err != nil || records[len(records)-1].Event != lease.Started {
				t.Fatalf("cut at %d: %v, %v", cut, records, err)
			}
			l.Close()
		}
	}
}

func TestALogThatWasChangedIsNotTrusted(t *testing.T) {
	folder := t.TempDir()
	l := mustOpen(t, folder, 1, MaxLog)
	if err := l.Append(granted(0, 1), granted(0, 2)); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(folder, LogName)
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(folder, 1, owner); !errors.Is(err, ErrDamaged) {
		t.Error(err)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, epochName), []byte(`{"epochs":[1],"sum":1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(folder, 1, owner); err == nil {
		t.Error("a changed snapshot is taken")
	}
}

func TestTheLogIsBoundedAndItsEpochsAreNot(t *testing.T) {
	folder := t.TempDir()
	const limit = 2000
	l := mustOpen(t, folder, 1, limit)
	for epoch := range signaling.Epoch(200) {
		if err := l.Append(granted(0, epoch+1)); err != nil {
			t.Fatal(err)
		}
		if err := l.Append(lease.Record{Event: lease.Released, Epoch: epoch + 1}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{LogName, OlderName} {
		if info, err := os.Stat(filepath.Join(folder, name)); err != nil || info.Size() > limit {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if records, err := Read(folder); err != nil || lease.Audit(records) != nil || len(records) < 20 {
		t.Errorf("%d records, %v", len(records), err)
	}
	// A crash after the log was put aside, before there is another: the snapshot has it all.
	if err := os.Remove(filepath.Join(folder, LogName)); err != nil {
		t.Fatal(err)
	}
	if got := mustOpen(t, folder, 1, limit).Epochs(1)[0]; got < 180 {
		t.Errorf("epoch %d", got)
	}
}

func TestGrantsThatComeTogetherAreAllOnTheDisk(t *testing.T) {
	folder := t.TempDir()
	const slots, each = 16, 30
	l := mustOpen(t, folder, slots, 8000)
	var all sync.WaitGroup
	for slot := range slots {
		all.Go(func() {
			for epoch := range signaling.Epoch(each) {
				if err := l.Append(granted(slot, epoch+1)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for slot, epoch := range mustOpen(t, folder, slots, 8000).Epochs(slots) {
		if epoch != each {
			t.Errorf("slot %d: epoch %d", slot, epoch)
		}
	}
}

func TestAfterTheDiskHasFailedNothingIsGranted(t *testing.T) {
	l := mustOpen(t, t.TempDir(), 1, MaxLog)
	if err := l.file.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := l.Append(granted(0, 1)); !errors.Is(err, os.ErrClosed) {
			t.Error(err)
		}
	}
}

func TestAFolderIsOneEdges(t *testing.T) {
	folder := t.TempDir()
	const limit = 600
	l := mustOpen(t, folder, 1, limit)
	for epoch := range signaling.Epoch(20) { // the log is turned over: who it is of is in the snapshot alone
		if err := l.Append(granted(0, epoch+1)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := open(folder, 1, identity.Address{2}, limit); !errors.Is(err, ErrOtherEdge) {
		t.Error(err)
	}
	if err := os.Remove(filepath.Join(folder, epochName)); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, folder, 1, limit)
	if _, err := open(folder, 1, identity.Address{2}, limit); !errors.Is(err, ErrOtherEdge) {
		t.Error("by its last start alone:", err)
	}
}

func TestALogIsCheckedByTheAddressOfItsEdge(t *testing.T) {
	key, err := identity.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	l, err := Open(folder, 1, key.Address())
	if err != nil {
		t.Fatal(err)
	}
	for epoch := range signaling.Epoch(3) {
		signed, err := lease.Sign(key, signaling.Lease{Epoch: epoch + 1, Session: "s-1", Token: "t-1", ExpiresAt: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Append(lease.GrantOf(signed, 1), lease.Record{Event: lease.Released, Epoch: epoch + 1}); err != nil {
			t.Fatal(err)
		}
	}
	if records, err := Check(folder, key.Address()); err != nil || len(records) != 7 {
		t.Errorf("%d records, %v", len(records), err)
	}
	if _, err := Check(folder, owner); !errors.Is(err, lease.ErrSignature) {
		t.Error("of another edge:", err)
	}
	if err := l.Append(granted(0, 9)); err != nil {
		t.Fatal(err)
	}
	if _, err := Check(folder, key.Address()); !errors.Is(err, lease.ErrSignature) {
		t.Error("with one that is not signed:", err)
	}
}

// Whenever the machine loses its power, and whatever it has not synced is gone or cut, an edge grants no epoch again that it has granted, and its
// log shows who had which slot.
func TestNoEpochComesAgainWheneverThePowerGoes(t *testing.T) {
	key, err := identity.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	const slots, limit = 2, 2500
	for seed := range uint64(12) {
		random := rand.New(rand.NewPCG(seed, 1))
		folder := t.TempDir()
		granted := make(map[[2]int]bool)
		l, err := open(folder, slots, key.Address(), limit)
		if err != nil {
			t.Fatal(err)
		}
		table := lease.New(l.Epochs(slots))
		for step := range 60 {
			switch slot := random.IntN(slots); random.IntN(6) {
			case 0, 1, 2:
				state := table.Slots(0)[slot]
				name := signaling.SessionID(fmt.Sprint("s-", step))
				held, fresh, err := table.Propose(0, lease.Proposal{Slot: slot, Expect: state.Epoch, Session: name, Token: string(name), TTL: time.Minute})
				if err != nil || !fresh {
					continue // it is held
				}
				signed, err := lease.Sign(key, signaling.Lease{Slot: held.Slot, Epoch: held.Epoch, Session: name, Token: held.Token, ExpiresAt: int64(random.IntN(9))})
				if err != nil {
					t.Fatal(err)
				}
				if err := l.Append(lease.GrantOf(signed, 0)); err != nil {
					t.Fatal(err)
				}
				at := [2]int{slot, int(held.Epoch)}
				if granted[at] {
					t.Fatalf("seed %d: epoch %d of slot %d is granted again", seed, held.Epoch, slot)
				}
				granted[at] = true
			case 3, 4:
				if ref := (lease.Ref{Slot: slot, Epoch: table.Slots(0)[slot].Epoch}); table.Release(0, ref) {
					if err := l.Note(lease.Record{Event: lease.Released, Slot: slot, Epoch: ref.Epoch}); err != nil {
						t.Fatal(err)
					}
				}
			default:
				l.mu.Lock()
				kept := l.synced + random.Int64N(l.size-l.synced+1)
				l.mu.Unlock()
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				if err := os.Truncate(filepath.Join(folder, LogName), kept); err != nil {
					t.Fatal(err)
				}
				if l, err = open(folder, slots, key.Address(), limit); err != nil {
					t.Fatal(err)
				}
				table = lease.New(l.Epochs(slots))
			}
		}
		if _, err := Check(folder, key.Address()); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

func FuzzALog(f *testing.F) {
	line, err := appendLine(nil, granted(0, 1))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Add(append(line, line[:10]...))
	f.Add(fmt.Appendf(nil, "%08x {}\n", 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		records, whole, err := read(bytes.NewReader(data))
		if err != nil {
			return
		}
		if whole > int64(len(data)) {
			t.Errorf("%d of %d octets are whole", whole, len(data))
		}
		again, _, err := read(bytes.NewReader(data[:whole]))
		if err != nil || !reflect.DeepEqual(again, records) {
			t.Errorf("%v, then %v, %v", records, again, err)
		}
	})
}
