package epoch

import (
	"bytes"
	"flag"
	"syscall"
	"testing"
	"time"
)

var reportsToVerify = flag.Int("reports", 3000, "how many reports the log of BenchmarkVerify has at the least; some 2000 are made in a second")

// processorTime is what this process has taken of a processor: what an hour's clock says depends on who else is there.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkVerify is of a log of 400 checkers, of whom some 57 report on each task.
func BenchmarkVerify(b *testing.B) {
	w := newTown(b, 400, 10, 57)
	entries := w.opening()
	reports := 0
	for i := 0; reports < *reportsToVerify; i++ {
		carried := w.carry(b, w.task(w.edges[i%len(w.edges)]), nil)
		entries = append(entries, carried...)
		for _, e := range carried {
			if e.Report != nil {
				reports++
			}
		}
	}
	log := write(b, entries)
	b.ReportAllocs()
	before := processorTime(b)
	for b.Loop() {
		if checked, err := Verify(bytes.NewReader(log)); err != nil || len(checked.Differences) > 0 {
			b.Fatal(checked.Differences, err)
		}
	}
	each := float64(b.N) * float64(reports)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/each, "ns/report")
	b.ReportMetric(float64((processorTime(b)-before).Nanoseconds())/each, "cpu-ns/report")
}
