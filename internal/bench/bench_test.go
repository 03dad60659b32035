package bench

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
)

func TestReportHasTheShapeThatProgramsRelyOn(t *testing.T) {
	r := Report{Bench: "glass", Machine: Machine{CPU: "c", Cores: 2, Go: "g"}, Params: map[string]any{"seconds": 20}}
	r.Value("presented_fps", "1/s", 59.7, nil)
	r.Distribution("encode", "ms", []float64{3, 1, 2, 4}, Labels{"source": "clock"})
	r.Distribution("nothing", "ms", nil, nil)
	var out bytes.Buffer
	if err := r.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Bench   string
		Results []map[string]any
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Bench != "glass" || len(got.Results) != 2 {
		t.Fatalf("got %s", out.String())
	}
	if v := got.Results[0]; v["value"] != 59.7 || v["unit"] != "1/s" {
		t.Errorf("value: %v", v)
	}
	if d := got.Results[1]; d["p50"] != 2.0 || d["p99"] != 4.0 || d["n"] != 4.0 || d["source"] != "clock" || d["value"] != nil {
		t.Errorf("distribution: %v", d)
	}
}

func TestALabelCannotHideAField(t *testing.T) {
	if _, err := json.Marshal(Result{Name: "a", Labels: Labels{"name": "b"}}); err == nil {
		t.Error("a label called name was written over the name")
	}
}

func TestUsageOfThisProcessAndItsChildren(t *testing.T) {
	usage, err := ProcessUsage(os.Getpid())
	if err != nil || usage.Resident < 1<<20 {
		t.Errorf("usage %+v, error %v", usage, err)
	}
	child := exec.Command("cat")
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	below, err := Descendants(os.Getpid())
	if err != nil || below[child.Process.Pid] != "cat" {
		t.Errorf("descendants %v, error %v: no cat", below, err)
	}
	if err := stdin.Close(); err != nil {
		t.Error(err)
	}
	if err := child.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := ProcessUsage(child.Process.Pid); !os.IsNotExist(err) {
		t.Errorf("of a process that is gone: %v", err)
	}
}
