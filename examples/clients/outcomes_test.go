package clients

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// outcome is what came of a client: a row of the table.
type outcome struct {
	Client   string
	Version  string
	Events   string // "exactly once", or what was wrong
	Altered  string `json:",omitempty"` // kinds of data that were not handed out as sent
	Empty    string // when there were events without data
	Later    string
	Gap      string
	Refused  string
	After204 string
	Failed   string `json:",omitempty"` // what the client did not do: the script went on without it

	detail string
}

// fine reports whether there is nothing to be said about the client.
func (o outcome) fine() bool {
	return o == outcome{Client: o.Client, Version: o.Version, Events: "exactly once", Empty: "none",
		Later: "back", Gap: "told", Refused: "back", After204: "stops"}
}

// outcomes are those of testdata/outcomes.json.
type outcomes struct {
	mu    sync.Mutex // guards found
	known map[string]outcome
	found map[string]outcome
}

const outcomesFile = "testdata/outcomes.json"

func readOutcomes(t *testing.T) *outcomes {
	t.Helper()
	o := &outcomes{known: map[string]outcome{}, found: map[string]outcome{}}
	text, err := os.ReadFile(outcomesFile)
	if err != nil {
		t.Fatal(err)
	}
	var list []outcome
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	for _, one := range list {
		o.known[one.Client] = one
	}
	return o
}

// compare holds what was found of a client against what is known.
func (o *outcomes) compare(t *testing.T, r *running) {
	t.Helper()
	found, want := r.found, o.known[r.name]
	found.Client, found.Version, found.detail = r.name, version(t, r.subject), ""
	o.mu.Lock()
	o.found[r.name] = found
	o.mu.Unlock()
	if r.page != "" && (r.of == "chromium" || r.of == "firefox") {
		want.Version = found.Version // a browser is what the machine has
	}
	if *update {
		t.Logf("%+v; %s", found, r.found.detail)
	} else if found != want {
		t.Errorf("%s: found\n%+v\nwant\n%+v\n%s\nIf that is as it should be: go test . -all -update, and read the diff", r.name, found, want, r.found.detail)
	}
}

// write writes what was found. Clients that did not run stay as they are known.
func (o *outcomes) write(t *testing.T) {
	t.Helper()
	var list []outcome
	for _, r := range runtimes {
		for _, c := range r.clients {
			if one, ok := o.found[c.name]; ok {
				list = append(list, one)
			} else if one, ok := o.known[c.name]; ok {
				list = append(list, one)
			}
		}
	}
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetIndent("", "\t")
	if err := e.Encode(list); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(outcomesFile, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

var number = regexp.MustCompile(`\d+(\.\d+)+`)

// version is the version of a client that is installed.
func version(t *testing.T, c subject) string {
	t.Helper()
	switch {
	case c.name == "ours":
		return "" // that of this commit
	case c.run != nil:
		text, err := os.ReadFile("go.mod")
		if err != nil {
			t.Fatal(err)
		}
		_, after, _ := strings.Cut(string(text), "\t"+c.of+" v")
		v, _, _ := strings.Cut(after, "\n")
		return v
	case c.of == "chromium" || c.of == "firefox":
		for _, name := range []string{c.of, c.of + "-esr"} {
			if out, err := exec.CommandContext(t.Context(), name, "--version").Output(); err == nil {
				return number.FindString(string(out))
			}
		}
		return ""
	}
	text, err := os.ReadFile(filepath.Join(npm(t), c.of, "package.json"))
	if err != nil {
		t.Fatal(err)
	}
	var p struct{ Version string }
	if err := json.Unmarshal(text, &p); err != nil {
		t.Fatal(err)
	}
	return p.Version
}
