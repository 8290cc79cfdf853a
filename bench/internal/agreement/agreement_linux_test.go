// Package agreement holds what ssebench measures against a reader that shares nothing with
// it: testdata/meter.c.
package agreement

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/absent"
)

var rounds = flag.Int("rounds", 0, "measure what README and docs claim of ssebench beside the other reader, in so many rounds, instead of the small test")

// figures are what both readers say; times are ms.
type figures struct {
	Opened, Published, Delivered, Missing, Twice uint64
	P50, P90, P99, Busy                          float64
	Suspect                                      bool
}

// tools are the two programs that are compared.
type tools struct{ ssebench, meter string }

// buildTools builds them, or skips the test.
func buildTools(t *testing.T) *tools {
	t.Helper()
	dir := t.TempDir()
	b := &tools{filepath.Join(dir, "ssebench"), filepath.Join(dir, "meter")}
	if _, err := exec.LookPath("gcc"); err != nil {
		absent.Skipf(t, "the other reader needs gcc: apt-get install gcc libc6-dev")
	}
	for _, command := range [][]string{
		{"gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", b.meter, "testdata/meter.c", "-lpthread"},
		{"go", "build", "-o", b.ssebench, "../../cmd/ssebench"},
	} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", command, err, out)
		}
	}
	return b
}

// serve starts ssebench serve in a process of its own.
func (b *tools) serve(t *testing.T, flags ...string) (host string, stop func()) {
	t.Helper()
	cmd := exec.Command(b.ssebench, append([]string{"serve", "-addr", "127.0.0.1:0"}, flags...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	host, _, found := strings.Cut(strings.TrimPrefix(line, "serving http://"), "/")
	if err != nil || !found {
		stop()
		t.Fatalf("ssebench serve said %q, %v", line, err)
	}
	return host, stop
}

// workload is what both measure.
type workload struct {
	streams, rate, seconds int
}

func (w workload) String() string { return fmt.Sprintf("%d × %d/s", w.streams, w.rate) }

// run runs ssebench run.
func (b *tools) run(t *testing.T, host string, w workload) (f figures) {
	t.Helper()
	var r struct {
		Opened, Published, Delivered, Missing, Duplicated uint64

		Suspect bool
		Latency struct{ P50, P90, P99 float64 } `json:"latency_ms"`
		Tool    struct {
			Busy float64 `json:"reader_busy"`
		}
	}
	b.measure(t, &r, b.ssebench, "run", "-c", strconv.Itoa(w.streams), "-rate", strconv.Itoa(w.rate),
		"-duration", strconv.Itoa(w.seconds)+"s", "-size", "100", "-settle", "500ms", "-ramp", "0", "-json", "-",
		"-url", "http://"+host+"/events?topic=a", "-publish-url", "http://"+host+"/publish?topic=a")
	return figures{r.Opened, r.Published, r.Delivered, r.Missing, r.Duplicated, r.Latency.P50, r.Latency.P90, r.Latency.P99, r.Tool.Busy, r.Suspect}
}

// meters runs the other reader.
func (b *tools) meters(t *testing.T, host string, w workload) (f figures) {
	t.Helper()
	address, port, _ := strings.Cut(host, ":")
	var m struct {
		figures
		Answered, Disordered, Other, Ended uint64
	}
	b.measure(t, &m, b.meter, address, port, strconv.Itoa(w.streams), strconv.Itoa(w.rate), strconv.Itoa(w.seconds), "100", "0.5")
	if m.Answered != m.Published || m.Other+m.Ended != 0 {
		t.Errorf("the other reader published %d events, %d were taken; %d others came; %d streams ended", m.Published, m.Answered, m.Other, m.Ended)
	}
	m.Twice = m.Disordered
	return m.figures
}

// measure runs a command, and reads the JSON that it prints.
func (b *tools) measure(t *testing.T, into any, command ...string) {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Stderr = &strings.Builder{}
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%q: %v\n%s", command, err, cmd.Stderr)
	}
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatalf("%q printed %q: %v", command, out, err)
	}
}

// At a small load both count what can be worked out by hand, and see the same latencies: the
// server delays events, so that the machine adds little in comparison.
func TestRunAgreesWithAnotherReader(t *testing.T) {
	b := buildTools(t)
	w := workload{streams: 100, rate: 50, seconds: 2}
	for flags, want := range map[string]figures{
		"-delay 200ms":         {Delivered: 100 * 100},
		"-drop 9 -duplicate 8": {Delivered: 100 * 89, Missing: 100 * 11, Twice: 100 * 11},
	} {
		t.Run(flags, func(t *testing.T) {
			want.Opened, want.Published = 100, 100
			host, stop := b.serve(t, strings.Fields(flags)...)
			defer stop()
			f, g := b.run(t, host, w), b.meters(t, host, w)
			for who, got := range map[string]figures{"ssebench": f, "the other reader": g} {
				got.P50, got.P90, got.P99, got.Busy, got.Suspect = 0, 0, 0, 0, false
				if got != want {
					t.Errorf("%s counts %+v; want %+v", who, got, want)
				}
			}
			if strings.HasPrefix(flags, "-delay") && (f.P50 < 200 || g.P50 < 200 || f.P50 > 1.1*g.P50 || g.P50 > 1.1*f.P50) {
				t.Errorf("p50: ssebench says %.1f ms, the other reader %.1f ms; want 200 at least, and no more than a tenth apart", f.P50, g.P50)
			}
		})
	}
}

// TestAgreement prints a table, in Markdown, of what both say of the same loads, in turns,
// each on a server of its own, and of what the other reader says when it measures once more:
// how much of the ratio is the machine. Only -rounds runs it: its figures are about this machine.
func TestAgreement(t *testing.T) {
	if *rounds == 0 {
		t.Skip("measures for some twenty minutes: make agreement")
	}
	b := buildTools(t)
	begin := time.Now()
	// p99 is that of the latest events in a hundred: few events a second take more seconds.
	loads := []workload{{50, 20, 30}, {5_000, 5, 20}, {10_000, 100, 6}, {10_000, 500, 6}}
	all := make([]measured, len(loads))
	for round := range *rounds {
		for i, w := range loads {
			m := &all[i]
			sides := []func(){
				func() { m.ours = append(m.ours, b.alone(t, w, b.run)) },
				func() { m.theirs = append(m.theirs, b.alone(t, w, b.meters)) },
				func() { m.again = append(m.again, b.alone(t, w, b.meters)) },
			}
			for n := range sides {
				sides[(round+n)%len(sides)]() // who is first takes turns
			}
		}
		fmt.Fprintf(os.Stderr, "round %d of %d, after %.0f s\n", round+1, *rounds, time.Since(begin).Seconds())
	}
	printTable(loads, all)
}

// measured is what all rounds of a load were.
type measured struct{ ours, theirs, again []figures }

// alone measures a load on a server of its own.
func (b *tools) alone(t *testing.T, w workload, measure func(*testing.T, string, workload) figures) figures {
	t.Helper()
	host, stop := b.serve(t)
	defer stop()
	f := measure(t, host, w)
	published := uint64(w.rate * w.seconds)
	if f.Opened != uint64(w.streams) || f.Published != published || f.Delivered != published*uint64(w.streams) || f.Missing+f.Twice != 0 {
		t.Errorf("%v: %+v; want %d streams, %d events, and all of them everywhere", w, f, w.streams, published)
	}
	return f
}

// printTable prints medians, each with the least and the most, and the ratios of medians.
func printTable(loads []workload, all []measured) {
	fmt.Println("| load | figure | ssebench | C reader | ratio | C reader again, ratio | ssebench SUSPECT |\n|---|---|---|---|---|---|---|")
	for i, w := range loads {
		m, suspect := &all[i], 0
		for _, f := range m.ours {
			if f.Suspect {
				suspect++
			}
		}
		for _, c := range []struct {
			name string
			of   func(figures) float64
		}{
			{"p50, ms", func(f figures) float64 { return f.P50 }},
			{"p99, ms", func(f figures) float64 { return f.P99 }},
			{"busy", func(f figures) float64 { return f.Busy }},
		} {
			a, b, again := spread(m.ours, c.of), spread(m.theirs, c.of), spread(m.again, c.of)
			fmt.Printf("| %v | %s | %s | %s | %.2f | %.2f | %d of %d |\n", w, c.name, a, b, a.median/b.median, again.median/b.median, suspect, len(m.ours))
		}
	}
}

// spreadOf is the median of some values, the least and the most.
type spreadOf struct{ least, median, most float64 }

func (s spreadOf) String() string {
	digits := 2
	if s.median >= 10 {
		digits = 1
	}
	return fmt.Sprintf("%.*f (%.*f–%.*f)", digits, s.median, digits, s.least, digits, s.most)
}

func spread(all []figures, of func(figures) float64) spreadOf {
	var values []float64
	for _, f := range all {
		values = append(values, of(f))
	}
	slices.Sort(values)
	n := len(values)
	return spreadOf{values[0], (values[(n-1)/2] + values[n/2]) / 2, values[n-1]}
}
