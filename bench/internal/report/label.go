package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// labels are short names for results: what was measured and, where that is not enough,
// the command, then the flags that differ, then a number.
func labels(runs []*run) []string {
	names := make([]string, len(runs))
	for i, r := range runs {
		names[i] = cmp.Or(r.result.Name, r.result.Command, "result")
	}
	differing := slices.Sorted(maps.Keys(differingFlags(runs)))
	distinguish(names, func(i int) string { return runs[i].result.Command })
	distinguish(names, func(i int) string { return someFlags(runs[i].result.Scenario, differing) })
	distinguish(names, func(i int) string { return fmt.Sprintf("(%d)", i+1) })
	return names
}

// distinguish adds something to equal names, if it differs between any of them.
func distinguish(names []string, by func(i int) string) {
	before := slices.Clone(names)
	for i, name := range before {
		for j, other := range before {
			if other == name && by(i) != by(j) {
				names[i] = strings.TrimSpace(name + " " + by(i))
			}
		}
	}
}

// someFlags are the first of the flags with these names.
func someFlags(scenario map[string]string, names []string) string {
	const most = 3 // more would not be a short name
	var some []string
	for _, name := range names {
		if value, ok := scenario[name]; ok && len(some) < most {
			some = append(some, "-"+name+" "+value)
		}
	}
	return strings.Join(some, " ")
}
