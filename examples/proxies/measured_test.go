package proxies

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	measure = flag.Bool("measure", false, "have TestProxiesMeasured and TestProxiesDelays run, some ten minutes")
	update  = flag.Bool("update", false, "have them write their findings into "+recordsFile+"")
)

const recordsFile = "testdata/measured.json"

// record is what was found of a setup.
type record struct {
	Name     string `json:"name"`
	Program  string `json:"program"`
	Version  string `json:"version"`
	Protocol string `json:"protocol"`
	Bad      bool   `json:"bad,omitempty"`

	facts
	Through  *delays   `json:"through,omitempty"` // nil: events were held back for good
	Direct   delays    `json:"direct"`
	Silences *silences `json:"silences,omitempty"` // nil: the same
}

// facts are what is found without a clock.
type facts struct {
	Held       string `json:"held,omitempty"` // why events are held back for good; empty: they are not
	Compressed bool   `json:"compressed,omitempty"`
	Answers    string `json:"answers,omitempty"` // what is wrong with the server's answers; empty: nothing
	Resumes    string `json:"resumes,omitempty"` // what is wrong with streams that resume
	Ends       string `json:"ends"`              // how an end arrives at an EventSource: "end" or "cut"
	Cuts       string `json:"cuts"`              // how a cut arrives at another client
	Streams    int    `json:"streams,omitempty"` // of 40 on one HTTP/2 connection, those that open
	Killed     string `json:"killed,omitempty"`  // what is wrong after the proxy was killed
}

// records are the findings of a run.
type records struct {
	On   string   `json:"on"`
	When string   `json:"when"`
	All  []record `json:"all"`
}

// facts finds out what a setup does, without a clock.
func (w *watched) facts(t *testing.T, s setup, up proxy, topic string) (f facts) {
	t.Helper()
	l := s.line(up)
	first, err := l.open(t, "/events?topic="+topic, eventSource)
	if err != nil {
		return facts{Held: "all: no head"}
	}
	defer first.connections.close()
	w.publish(t, topic, "first")
	if _, ok := first.next(headLimit); !ok {
		return facts{Held: "all"}
	}
	if first.protocol != s.protocol() {
		t.Errorf("%s: the client speaks %s, want %s", s.name, first.protocol, s.protocol())
	}
	f.Compressed = first.compressed
	f.Answers = text(w.answers(t, l))
	f.Resumes = text(w.resumes(t, l, topic+"resume"))
	if f.Ends, f.Cuts, err = w.endings(t, l, topic+"end"); err != nil {
		t.Errorf("%s: the end: %v", s.name, err)
	}
	if s.http2 {
		if f.Streams, err = w.together(t, l, topic+"together"); err != nil {
			t.Errorf("%s: %d streams on one connection: %v", s.name, f.Streams, err)
		}
	}
	f.Killed = text(w.killed(t, l, up, topic+"killed"))
	return f
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// topic is a name for what is published for a setup.
func topic(i int) string { return fmt.Sprintf("setup%d", i) }

// Every configuration that docs/proxies.md recommends passes on what the server says, and
// loses nothing when the proxy is killed; and of the versions that it was measured with,
// all of them do what its table says.
func TestProxiesDoWhatThePageSays(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes half a minute; go test without -short runs it")
	}
	w := startWatched(t)
	known := readRecords(t)
	for i, s := range setups {
		t.Run(s.program.name+" "+s.name, func(t *testing.T) {
			if s.long {
				t.Skip("only in the long run")
			}
			t.Parallel()
			up := s.program.start(t, w.addr, s.change...)
			found := w.facts(t, s, up, topic(i))
			s.judge(t, found)
			for _, r := range known.All {
				if s.bad {
					r.Resumes, r.Killed = found.Resumes, found.Killed // a matter of chance
				}
				if r.is(s, s.program.version(t)) && r.facts != found {
					t.Errorf("this does not go with docs/proxies.md any more: found %+v, measured was %+v; make proxies measures anew", found, r.facts)
				}
			}
		})
	}
}

// judge fails the test if a configuration that is recommended harms streams, and if one
// that should hold them back does not: then the test would tell nothing.
func (s setup) judge(t *testing.T, f facts) {
	t.Helper()
	fine := f.Held == "" && f.Answers == "" && f.Resumes == "" && f.Ends == "end" && f.Killed == ""
	if !s.bad && !fine {
		t.Errorf("found %+v", f)
	}
	if s.holds != (f.Held != "") {
		t.Errorf("events are held back: %q; want that: %v", f.Held, s.holds)
	}
	if s.http2 && s.program.name != "apache2" && f.Streams != parallel {
		t.Errorf("%d of %d streams opened on one connection", f.Streams, parallel)
	}
}

// is says whether r was found of s, with that version of the program.
func (r record) is(s setup, version string) bool {
	return r.Name == s.name && r.Program == s.program.name && r.Version == version && r.Protocol == s.protocol()
}

// The long run: everything that docs/proxies.md says of each setup, but for delays.
func TestProxiesMeasured(t *testing.T) {
	w, ups, all := startAll(t)
	for i, s := range setups {
		all[i].facts = w.facts(t, s, ups[i], topic(i))
		s.judge(t, all[i].facts)
		t.Logf("%s %s: %+v", s.program.name, s.name, all[i].facts)
	}
	var quiet sync.WaitGroup
	for i, s := range setups {
		all[i].Silences = nil
		if all[i].Held == "" {
			quiet.Go(func() { all[i].Silences = w.silences(t, s, ups[i], topic(i)+"silence") })
		}
	}
	quiet.Wait()
	writeRecords(t, all)
}

// The delays of docs/proxies.md. What else runs on the machine disturbs them.
func TestProxiesDelays(t *testing.T) {
	w, ups, all := startAll(t)
	for i, s := range setups {
		direct, through, err := w.delay(t, s.line(ups[i]), topic(i)+"delay")
		all[i].Direct, all[i].Through = direct, &through
		if s.holds {
			all[i].Through = nil
		}
		if s.holds != (err != nil) {
			t.Errorf("%s: %v", s.name, err)
		}
		t.Logf("%s %s: %+v beside %+v, %v", s.program.name, s.name, through, direct, err)
	}
	writeRecords(t, all)
}

// startAll starts every setup, and returns what was found of it before.
func startAll(t *testing.T) (w *watched, ups []proxy, all []record) {
	t.Helper()
	if !*measure {
		t.Skip("make proxies runs it, for some minutes")
	}
	if os.Getenv("CADDY") == "" {
		t.Fatal("the variable CADDY is to name a Caddy that is newer than Debian's; make proxies builds one")
	}
	w = startWatched(t)
	before := readRecords(t)
	for _, s := range setups {
		ups = append(ups, s.program.start(t, w.addr, s.change...))
		one := record{Name: s.name, Program: s.program.name, Version: s.program.version(t), Protocol: s.protocol(), Bad: s.bad}
		for _, r := range before.All {
			if r.is(s, one.Version) {
				one.facts, one.Through, one.Direct, one.Silences = r.facts, r.Through, r.Direct, r.Silences
			}
		}
		all = append(all, one)
	}
	return w, ups, all
}

// silences is silence, logged. It may be called on any goroutine.
func (w *watched) silences(t *testing.T, s setup, up proxy, topic string) *silences {
	found, err := w.silence(t, s, s.line(up), topic)
	if err != nil || !s.bad && !found.Survives {
		t.Errorf("%s: %v of silence: %+v, %v", s.name, quietFor, found, err)
	}
	t.Logf("%s %s: %+v", s.program.name, s.name, found)
	return &found
}

// machine is what a run was on.
func machine(t *testing.T) string {
	t.Helper()
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s %s, %d processors, %s", runtime.GOOS, strings.TrimSpace(string(release)), runtime.NumCPU(), runtime.Version())
}

func readRecords(t *testing.T) (r records) {
	t.Helper()
	b, err := os.ReadFile(recordsFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatalf("%s: %v", recordsFile, err)
	}
	return r
}

// writeRecords writes what a run has found, if it is to.
func writeRecords(t *testing.T, all []record) {
	t.Helper()
	if !*update || t.Failed() {
		return
	}
	r := records{machine(t), time.Now().UTC().Format(time.DateOnly), all}
	b, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(recordsFile, append(b, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
