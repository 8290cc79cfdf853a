package proxies

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const pageFile = "../../docs/proxies.md"

// What docs/proxies.md has of tables is what was measured.
func TestProxiesPageHasWhatWasMeasured(t *testing.T) {
	page := readPage(t)
	r := readRecords(t)
	want := page
	for name, text := range map[string]string{"delays": r.delays(), "silence": r.silence(), "machine": r.machine()} {
		want = fill(t, want, name, text)
	}
	if want == page {
		return
	}
	if !*update {
		t.Fatalf("%s does not have what %s says; go test ./examples/proxies -run ProxiesPage -update writes it", pageFile, recordsFile)
	}
	if err := os.WriteFile(pageFile, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readPage(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(pageFile)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// fill puts text between the comments of that name.
func fill(t *testing.T, page, name, text string) string {
	t.Helper()
	begin, end := "<!-- measured: "+name+" -->\n", "<!-- end -->"
	before, rest, ok := strings.Cut(page, begin)
	_, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no %q with %q behind it", pageFile, begin, end)
	}
	return before + begin + text + end + after
}

func (r records) machine() string {
	var versions []string
	for _, one := range r.All {
		v := titles[one.Program] + " " + one.Version
		if !strings.Contains(strings.Join(versions, ", ")+",", v+",") {
			versions = append(versions, v)
		}
	}
	return fmt.Sprintf("Measured on %s: %s, which other programs shared; %s.\n", r.When, r.On, strings.Join(versions, ", "))
}

var titles = map[string]string{"nginx": "nginx", "haproxy": "HAProxy", "caddy": "Caddy", "varnish": "Varnish", "apache2": "Apache"}

// label is the first cell of a row.
func (r record) label() string {
	label := titles[r.Program] + " " + r.Version + ": " + strings.TrimPrefix(r.Name, "nginx, ")
	if r.Bad {
		return "**Not so:** " + label
	}
	return label
}

func (r records) delays() string {
	var b strings.Builder
	b.WriteString("| proxy, configuration | head, ms | p50 added | p99 (direct) | held back | passed on | cut | after a crash |\n|---|---|---|---|---|---|---|---|\n")
	for _, one := range r.All {
		if one.Held != "" {
			fmt.Fprintf(&b, "| %s | %s | – | – | **%s** | – | – | – |\n", one.label(), one.headCell(), one.Held)
			continue
		}
		fmt.Fprintf(&b, "| %s | %.1f | %.1f | %.0f (%.0f) | %s | %s | %s | %s |\n", one.label(), one.Through.Head,
			max(0, one.Through.P50-one.Direct.P50), one.Through.P99, one.Direct.P99, one.heldCell(), one.passedCell(), one.Cuts, good(one.Killed, "once"))
	}
	return b.String()
}

// headCell is the cell of a setup that holds events back.
func (r record) headCell() string {
	if strings.Contains(r.Held, "head") {
		return "none"
	}
	return "–"
}

func (r record) heldCell() string {
	cell := r.Through.held()
	switch {
	case cell != "no":
		return "**" + cell + "**"
	case r.Resumes != "":
		return "**some that resume**"
	case r.Compressed:
		return "no (compressed)"
	}
	return cell
}

func (r record) passedCell() string {
	if r.Ends != "end" {
		return "**the end becomes a cut**"
	}
	return good(r.Answers, "all")
}

// good is a word for what is not wrong.
func good(wrong, word string) string {
	if wrong == "" {
		return word
	}
	return "**" + wrong + "**"
}

func (r records) silence() string {
	var b strings.Builder
	b.WriteString("| proxy, configuration | connection closed | stream reset (HTTP/2) | 130 s of heartbeats | silent: cut after | 40 streams on one connection |\n|---|---|---|---|---|---|\n")
	for _, one := range r.All {
		if one.Silences == nil {
			continue
		}
		reset, streams := "", ""
		if one.Protocol == "HTTP/2.0" {
			reset, streams = after(one.Silences.Reset), fmt.Sprint(one.Streams)
			if one.Streams < parallel {
				streams = "**" + streams + "**"
			}
		}
		survives := "stays"
		if !one.Silences.Survives {
			survives = "**cut**"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", one.label(), after(one.Silences.Left), reset, survives, idle(one.Silences.Cut), streams)
	}
	return b.String()
}

// after is a time in seconds.
func after(seconds float64) string {
	switch {
	case seconds < 0:
		return fmt.Sprintf("**not within %.0f s**", leaveFor.Seconds())
	case seconds < 0.1:
		return "at once"
	}
	return fmt.Sprintf("**%.0f s**", seconds)
}

func idle(seconds float64) string {
	if seconds < 0 {
		return fmt.Sprintf("not within %.0f s", quietFor.Seconds())
	}
	return fmt.Sprintf("%.0f s", seconds)
}

// What docs/proxies.md quotes of a configuration is in it. A comment before the quotation
// names the file, and a line with "…" stands for lines that are left out.
func TestProxiesPageQuotesTheConfigurations(t *testing.T) {
	quoted := map[string]bool{}
	parts := strings.Split(readPage(t), "<!-- from examples/proxies/")
	for _, part := range parts[1:] {
		file, rest, _ := strings.Cut(part, " -->\n```")
		_, rest, _ = strings.Cut(rest, "\n")
		quotation, _, ok := strings.Cut(rest, "```")
		text, err := os.ReadFile(filepath.Base(file))
		if err != nil || !ok {
			t.Fatalf("%s quotes %q: %v", pageFile, file, err)
		}
		quoted[file] = true
		in := string(text)
		for _, lines := range strings.Split(quotation, "…\n") {
			_, behind, ok := strings.Cut(in, strings.TrimRight(lines, " \t"))
			if !ok {
				t.Errorf("%s: not in it, or not in that order:\n%s", file, lines)
			}
			in = behind
		}
	}
	for _, p := range programs {
		if !quoted[p.file] {
			t.Errorf("%s does not quote %s", pageFile, p.file)
		}
	}
}
