package report

import "github.com/fastsse/fastsse/bench/internal/result"

// group is rows of the comparison that belong together.
type group struct {
	Title   string
	Columns int // of the table, its names included
	Rows    []row
}

// row is one measure, of all results.
type row struct {
	Name  string
	Cells []cell
}

// cell is a measure of one result, and its ratio to the first's.
type cell struct {
	Value string
	Ratio string
	Tone  string // better, worse or wrong
}

// comparison is every measure that any of the results has.
func comparison(results []*result.Result) []group {
	var all []group
	for _, g := range []struct {
		title    string
		measures []measure
	}{
		{"Streams", streamFigures}, {"Events", eventFigures}, {"Latency", latencyFigures}, {"Coming back", stormFigures},
		{"Server", serverFigures}, {"Trend", trendFigures}, {"Load generator", toolFigures},
	} {
		if rows := rowsOf(g.measures, results); len(rows) > 0 {
			all = append(all, group{g.title, 1 + len(results), rows})
		}
	}
	return all
}

func rowsOf(measures []measure, results []*result.Result) []row {
	var rows []row
	for _, m := range measures {
		r, some := row{Name: m.name}, false
		for _, res := range results {
			some = some || known(m.of(res))
			r.Cells = append(r.Cells, cellOf(m, res, results[0]))
		}
		if some {
			rows = append(rows, r)
		}
	}
	return rows
}

func cellOf(m measure, r, first *result.Result) cell {
	v, base := m.of(r), m.of(first)
	if !known(v) {
		return cell{Value: "–"}
	}
	c := cell{Value: m.text(v)}
	if r != first && known(base) && m.better != neither {
		c.Ratio, c.Tone = ratio(v, base), tone(m.better, v, base)
	}
	if m.wrong != nil && m.wrong(r) {
		c.Tone = "wrong"
	}
	return c
}

// tone says whether v is better or worse than the first, by more than two equal runs
// would differ.
func tone(better direction, v, first float64) string {
	const noise = 0.05
	up, down := v > first*(1+noise), v < first*(1-noise)
	switch {
	case up && better == higher, down && better == lower:
		return "better"
	case up && better == lower, down && better == higher:
		return "worse"
	}
	return ""
}
