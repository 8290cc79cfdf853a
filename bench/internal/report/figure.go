package report

import "github.com/fastsse/fastsse/bench/internal/result"

// figure is a number of one result, as a card shows it.
type figure struct {
	Name, Value, Note string
	Wrong             bool
}

// figures are the measures that a result has.
func figures(measures []measure, r *result.Result) []figure {
	var all []figure
	for _, m := range measures {
		v := m.of(r)
		if m.detail || !known(v) {
			continue
		}
		f := figure{Name: m.name, Value: m.text(v), Wrong: m.wrong != nil && m.wrong(r)}
		if m.note != nil {
			f.Note = m.note(r)
		}
		all = append(all, f)
	}
	return all
}
