package report

import (
	"maps"
	"slices"
	"strings"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// sheet says what was measured, how, when and where.
type sheet struct {
	Label   string // empty if there is only one
	Name    string
	Command string
	Begun   string
	Lasted  string
	Machine string
	Flags   []flag
	Suspect bool
	Partial bool
	Color   int
}

// flag is a flag that was given.
type flag struct {
	Text    string
	Differs bool // from another result's
}

func sheets(runs []*run) []sheet {
	differing := differingFlags(runs)
	var all []sheet
	for _, r := range runs {
		res := r.result
		s := sheet{
			Name: res.Name, Command: res.Command, Lasted: seconds(res.Seconds), Machine: machine(res.Machine),
			Flags: flags(res.Scenario, differing), Suspect: res.Suspect, Partial: res.Partial, Color: r.Color,
		}
		if len(runs) > 1 {
			s.Label = r.Label
		}
		if !res.Begun.IsZero() {
			s.Begun = res.Begun.Format("2006-01-02 15:04:05 MST")
		}
		all = append(all, s)
	}
	return all
}

// machine describes a machine in one line, as far as it is known.
func machine(m result.Machine) string {
	var parts []string
	if system := strings.TrimSpace(m.OS + " " + m.Kernel); system != "" {
		parts = append(parts, system)
	}
	if m.Processors > 0 {
		parts = append(parts, plural(m.Processors, "processor"))
	}
	if m.Go != "" {
		parts = append(parts, m.Go)
	}
	return strings.Join(parts, " · ")
}

// flags are a scenario's, sorted by name.
func flags(scenario map[string]string, differing map[string]bool) []flag {
	var all []flag
	for _, name := range slices.Sorted(maps.Keys(scenario)) {
		text := strings.TrimSpace("-" + strings.TrimLeft(name, "-") + " " + scenario[name])
		all = append(all, flag{text, differing[name]})
	}
	return all
}

// differingFlags are the names of flags whose values differ between results of the
// same command.
func differingFlags(runs []*run) map[string]bool {
	differ := map[string]bool{}
	for _, r := range runs {
		for _, other := range runs {
			if r.result.Command == other.result.Command {
				noteDiffering(differ, r.result.Scenario, other.result.Scenario)
			}
		}
	}
	return differ
}

func noteDiffering(differ map[string]bool, a, b map[string]string) {
	for name, value := range a {
		if other, ok := b[name]; !ok || other != value {
			differ[name] = true
		}
	}
}
