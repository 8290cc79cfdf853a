// Package foreign holds ssebench against servers of others, which it drives by its flags
// alone, as their users would: Mercure, nginx with Nchan, better-sse and sse-channel on
// Express, and an application that has logins, tokens and keys.
package foreign

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/fastsse/fastsse/bench/internal/check"
	"github.com/fastsse/fastsse/bench/internal/launch"
	"github.com/fastsse/fastsse/internal/testkit"
)

// ssebench is the program, built by TestMain.
var ssebench string

func TestMain(m *testing.M) { os.Exit(buildAndRun(m)) }

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "ssebench-foreign-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	ssebench = filepath.Join(dir, "ssebench")
	if out, err := exec.Command("go", "build", "-o", ssebench, "../../cmd/ssebench").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	flag.Parse()
	if err := flag.Set("test.parallel", "4"); err != nil { // they wait, mostly
		panic(err)
	}
	return m.Run()
}

// service is a server that runs, and how it is driven.
type service struct {
	pid   int
	flags []string // its streams, and where to publish: for run, storm and check
}

const (
	streams = 40
	rate    = 50
	missed  = 50
	size    = 100 // of an event's data, by default
)

// figures are what the tests read of a result's JSON.
type figures struct {
	Opened     int    `json:"opened"`
	Published  uint64 `json:"published"`
	Expected   uint64 `json:"expected"`
	Delivered  uint64 `json:"delivered"`
	Lost       uint64 `json:"lost"`
	Missing    uint64 `json:"missing"`
	Duplicated uint64 `json:"duplicated"`
	OutOfOrder uint64 `json:"out_of_order"`

	Wire *float64 `json:"wire_bytes_per_delivery"`

	Server *struct {
		Processes  int     `json:"processes"`
		CPUSeconds float64 `json:"cpu_seconds"`
		RSSBytes   uint64  `json:"rss_bytes"`
	} `json:"server"`
	Storm *struct {
		Streams int `json:"streams"`
		Missed  int `json:"missed"`
		Caught  int `json:"caught_up"`
	} `json:"storm"`
}

// tool runs ssebench, and returns its status and what it wrote.
func tool(t *testing.T, args ...string) (status int, out []byte, said string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 80*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, ssebench, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = testkit.Patience
	if err := cmd.Run(); err != nil {
		if exit := new(exec.ExitError); !errors.As(err, &exit) || ctx.Err() != nil {
			t.Fatalf("ssebench %q: %v\n%s", args, err, stderr.String())
		}
	}
	return cmd.ProcessState.ExitCode(), stdout.Bytes(), stderr.String()
}

// measure runs a measurement that succeeds.
func measure(t *testing.T, args ...string) (f figures) {
	t.Helper()
	common := []string{args[0], "-json", "-", "-q", "-c", fmt.Sprint(streams), "-rate", fmt.Sprint(rate), "-settle", "500ms"}
	status, out, said := tool(t, append(common, args[1:]...)...)
	if status != 0 {
		t.Fatalf("ssebench %q: status %d: %s", args, status, said)
	}
	if err := json.Unmarshal(out, &f); err != nil {
		t.Fatalf("ssebench %q: %v\n%s", args, err, out)
	}
	if f.Wire != nil && (*f.Wire < size || *f.Wire > 4*size) {
		t.Errorf("ssebench %q: %v bytes on the wire per delivery of %d bytes of data", args, *f.Wire, size)
	}
	return f
}

// history is what a server keeps for clients that come back.
type history int

const (
	none history = iota
	inMemory
	onDisk
)

// run publishes for two seconds: everything has to come, once and in order, and what the
// server used has to be known.
func (s *service) run(t *testing.T, more ...string) figures {
	t.Helper()
	f := measure(t, append(append([]string{"run", "-duration", "2s"}, s.measured()...), more...)...)
	if want := uint64(2 * rate); f.Opened != streams || f.Published != want || f.Delivered != want*streams {
		t.Errorf("%d streams opened, %d events published, %d delivered; want %d, %d, %d", f.Opened, f.Published, f.Delivered, streams, want, want*streams)
	}
	f.expectNothingLost(t)
	f.expectServer(t)
	if f.Wire == nil {
		t.Error("nobody knows how many bytes a delivery took on the wire")
	}
	return f
}

// storm resets all streams, and publishes before they come back. Without history every
// stream gets only the event after that.
func (s *service) storm(t *testing.T, kept history, more ...string) {
	t.Helper()
	f := measure(t, append(append([]string{"storm", "-missed", fmt.Sprint(missed)}, s.measured()...), more...)...)
	if f.Storm == nil || f.Storm.Streams != streams || f.Storm.Missed != missed {
		t.Fatalf("the storm was %+v, want %d streams that missed %d events", f.Storm, streams, missed)
	}
	f.expectServer(t)
	if kept != none {
		f.expectNothingLost(t)
		if f.Storm.Caught != streams {
			t.Errorf("%d of %d streams caught up", f.Storm.Caught, streams)
		}
	} else if f.Storm.Caught != 0 || f.Lost != missed*streams {
		t.Errorf("%d streams caught up and %d deliveries are lost; want 0 and %d, for there is no history", f.Storm.Caught, f.Lost, missed*streams)
	}
	if (f.Wire != nil) != (kept != none) {
		t.Errorf("%v bytes on the wire per delivery, though with a history there are deliveries, and none without", f.Wire)
	}
}

// drain ends the server by SIGTERM and starts it again. All clients have to come back to it.
func (s *service) drain(t *testing.T, kept history, more ...string) {
	t.Helper()
	f := measure(t, append(append([]string{"storm", "-by", "drain", "-missed", fmt.Sprint(missed)}, s.measured()...), more...)...)
	if f.Storm == nil || f.Storm.Caught != streams {
		t.Fatalf("the storm was %+v, want %d streams that had an event again", f.Storm, streams)
	}
	if kept == onDisk {
		f.expectNothingLost(t)
	}
	f.expectServer(t)
}

// measured are the flags, with the process if it runs already.
func (s *service) measured() []string {
	if s.pid == 0 {
		return s.flags
	}
	return append([]string{"-pid", fmt.Sprint(s.pid)}, s.flags...)
}

func (f *figures) expectNothingLost(t *testing.T) {
	t.Helper()
	if f.Expected != f.Published*streams || f.Delivered != f.Expected || f.Lost+f.Missing+f.Duplicated+f.OutOfOrder > 0 {
		t.Errorf("%d published, %d of %d delivered, %d lost, %d missing, %d twice, %d out of order",
			f.Published, f.Delivered, f.Expected, f.Lost, f.Missing, f.Duplicated, f.OutOfOrder)
	}
}

func (f *figures) expectServer(t *testing.T) {
	t.Helper()
	if f.Server == nil || f.Server.CPUSeconds <= 0 || f.Server.RSSBytes == 0 {
		t.Errorf("the server used %+v, want CPU and memory", f.Server)
	}
}

// findings are what check has to say of a server beside what is fine.
type findings map[string]check.Verdict

// check looks three times at most: events may be late on a busy machine.
func (s *service) check(t *testing.T, want findings, more ...string) {
	t.Helper()
	status := 0
	for _, v := range want {
		if v == check.Fail {
			status = 2
		}
	}
	for tries := 1; ; tries++ {
		got, found, all := s.findings(t, more...)
		if got == status && maps.Equal(found, want) {
			return
		}
		if tries == 3 {
			t.Fatalf("check found %v, status %d; want %v, status %d\n%s", found, got, want, status, all)
		}
	}
}

func (s *service) findings(t *testing.T, more ...string) (status int, found findings, all []byte) {
	t.Helper()
	status, all, said := tool(t, append(append([]string{"check", "-json", "-", "-for", "2s"}, s.flags...), more...)...)
	var r check.Report
	if err := json.Unmarshal(all, &r); err != nil || len(r.Findings) < 30 {
		t.Fatalf("check: status %d, %v\n%s%s", status, err, all, said)
	}
	found = findings{}
	for _, f := range r.Findings {
		if f.Verdict == check.Warn || f.Verdict == check.Fail {
			found[f.Section+"/"+f.Name] = f.Verdict
		}
	}
	return status, found, all
}

// start runs a server until the test's end.
func start(t *testing.T, command ...string) *launch.Server {
	t.Helper()
	s, err := launch.Command(t.Context(), command, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// filled puts the server's port in place of {{.Port}} in flags.
func filled(s *launch.Server, flags []string) *service {
	f := make([]string, len(flags))
	for i, flag := range flags {
		f[i] = launch.Fill(flag, s.Port())
	}
	return &service{s.PID(), f}
}

// all runs what is common to servers that ssebench starts itself by command, and that run
// already.
func all(t *testing.T, kept history, want findings, flags []string, command ...string) {
	t.Helper()
	t.Run("run, started by it", func(t *testing.T) {
		t.Parallel()
		(&service{0, flags}).run(t, append([]string{"--"}, command...)...)
	})
	t.Run("drain", func(t *testing.T) {
		t.Parallel()
		(&service{0, flags}).drain(t, kept, append([]string{"--"}, command...)...)
	})
	running := filled(start(t, command...), flags)
	t.Run("storm", func(t *testing.T) {
		t.Parallel()
		running.storm(t, kept)
	})
	other := filled(start(t, command...), flags)
	t.Run("check", func(t *testing.T) {
		t.Parallel()
		other.check(t, want)
	})
}
