package clients

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// entry is what a client handed to its application.
type entry struct{ ID, Type, Data string }

// ledger knows what one client should get.
type ledger struct {
	sent map[int]sent
	byID map[string]int
	byIs map[string]int // by data, for clients that hand out no ids
}

// sent is an event as a client should see it.
type sent struct{ typ, data, kind string }

func newLedger() *ledger {
	return &ledger{sent: map[int]sent{}, byID: map[string]int{}, byIs: map[string]int{}}
}

// add notes that event n was published.
func (l *ledger) add(n int, id string, s sent) {
	l.sent[n] = s
	l.byID[id] = n
	if s.kind == "number" {
		l.byIs[s.data] = n
	}
}

// account is what a client made of the events from 1 to total, and of what followed.
type account struct {
	got              map[int]int // how often
	twice, unordered []int
	unknown          []string
	torn             bool           // got the beginning of an event as an event
	altered          map[string]int // kinds of data that were not as sent
	empty            [3]int         // events without data: at open, after a reset, after an end
	gaps             []int          // the numbers of the last events before gaps
	last             int
}

// judge accounts for what a client got.
func (l *ledger) judge(got []entry) *account {
	a := &account{got: map[int]int{}, altered: map[string]int{}}
	for _, e := range got {
		if e.Type == "gap" {
			a.gaps = append(a.gaps, a.last)
			continue
		}
		l.one(a, e)
	}
	return a
}

func (l *ledger) one(a *account, e entry) {
	n, known := l.byID[e.ID]
	if e.ID == "" {
		n, known = l.byIs[e.Data]
	}
	want := l.sent[n]
	switch {
	case e.Data == "" && (!known || want.data != "" || a.got[n] > 0):
		a.empty[phase(a.last)]++
		return
	case !known:
		a.unknown = append(a.unknown, fmt.Sprintf("%.40q with id %.40q", e.Data, e.ID))
		return
	case e.Data != want.data && l.isPart(e.Data):
		a.torn = true
		return
	case a.got[n] > 0 && e.Data != want.data:
		a.unknown = append(a.unknown, fmt.Sprintf("%.40q with id %.40q", e.Data, e.ID))
		return
	case a.got[n] > 0:
		a.twice = append(a.twice, n)
	case n < a.last:
		a.unordered = append(a.unordered, n)
	case e.Data != want.data:
		a.altered[want.kind]++
	case e.Type != want.typ:
		a.altered["type "+want.typ]++
	}
	a.got[n]++
	a.last = max(a.last, n)
}

// phase says where in the script an event without data came, by the event before it: 0 when
// the stream was fresh, 1 after a reset, 2 after the hub had ended it.
func phase(last int) int {
	switch {
	case last == 0:
		return 0
	case last < (resetAt+kickAt)/2:
		return 1
	case last < (kickAt+tornAt)/2:
		return 2
	case last < total-1:
		return 1
	}
	return 2
}

// events says in words whether each event came once: the column of the table.
func (l *ledger) events(a *account) string {
	missing, empty := 0, 0
	for n := 1; n <= total; n++ {
		switch {
		case a.got[n] > 0:
		case l.sent[n].data == "":
			empty++
		default:
			missing++
		}
	}
	var faults []string
	if missing > 0 {
		faults = append(faults, fmt.Sprintf("%d of %d", total-missing-empty, total))
	}
	for what, count := range map[string]int{"twice": len(a.twice), "out of order": len(a.unordered), "never sent": len(a.unknown)} {
		if count > 0 {
			faults = append(faults, fmt.Sprintf("%d %s", count, what))
		}
	}
	slices.Sort(faults)
	if len(faults) == 0 {
		faults = []string{"exactly once"}
		if empty > 0 {
			faults = []string{"exactly once, but for empty ones"}
		}
	}
	if a.torn {
		faults = append(faults, torn)
	}
	return strings.Join(faults, ", ")
}

const torn = "and the beginning of one that was cut"

// isPart reports whether data is the beginning of an event of which there is more.
func (l *ledger) isPart(data string) bool {
	for _, s := range l.sent {
		if len(data) >= len("mark-") && data != s.data && strings.HasPrefix(s.data, data) {
			return true
		}
	}
	return false
}

// alterations names the kinds of data that were not handed out as sent.
func (a *account) alterations() string {
	var kinds []string
	for kind := range a.altered {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return strings.Join(kinds, ", ")
}

// empties says when there were events without data. How many is not said: Chromium may not
// hand out what it reads together with the end of a connection.
func (a *account) empties() string {
	var when []string
	for i, phase := range []string{"at open", "after resets", "at ends"} {
		if a.empty[i] > 0 {
			when = append(when, phase)
		}
	}
	if len(when) == 0 {
		return "none"
	}
	return strings.Join(when, ", ")
}

// missing lists numbers that did not come, for messages.
func (a *account) missing() (list []int) {
	for n := 1; n <= total && len(list) < 20; n++ {
		if a.got[n] == 0 {
			list = append(list, n)
		}
	}
	return list
}

func TestLedgerFindsWhatIsWrong(t *testing.T) {
	l := newLedger()
	var all []entry
	for n := 1; n <= total; n++ {
		e, kind := event(n)
		id := fmt.Sprint("E-", n)
		l.add(n, id, sent{e.Type, seen(string(e.Data)), kind})
		all = append(all, entry{id, e.Type, seen(string(e.Data))})
	}
	with := func(at int, more ...entry) []entry { return slices.Insert(slices.Clone(all), at, more...) }
	swapped := slices.Clone(all)
	swapped[20], swapped[21] = swapped[21], swapped[20]
	spoilt := slices.Clone(all)
	spoilt[6].Data = "#7 a"
	for name, c := range map[string]struct {
		got                    []entry
		events, altered, empty string
		gaps                   int
	}{
		"all":          {all, "exactly once", "", "none", 0},
		"one missing":  {slices.Delete(slices.Clone(all), 249, 250), "999 of 1000", "", "none", 0},
		"no empty":     {slices.DeleteFunc(slices.Clone(all), func(e entry) bool { return e.Data == "" }), "exactly once, but for empty ones", "", "none", 0},
		"twice":        {with(700, all[699]), "1 twice", "", "none", 0},
		"out of order": {swapped, "1 out of order", "", "none", 0},
		"altered":      {spoilt, "exactly once", "NUL", "none", 0},
		"never sent":   {with(10, entry{"E-9999", "", "?"}), "1 never sent", "", "none", 0},
		"empties":      {with(500, entry{"E-500", "", ""}, entry{}), "exactly once", "", "at ends", 0},
		"torn":         {with(712, entry{"E-712", "", mark(tornAt) + "xx"}), "exactly once, " + torn, "", "none", 0},
		"first empty":  {with(0, entry{"E-0", "", ""}), "exactly once", "", "at open", 0},
		"gap":          {with(5, entry{"E-0", "gap", "{}"}), "exactly once", "", "none", 1},
	} {
		a := l.judge(c.got)
		if l.events(a) != c.events || a.alterations() != c.altered || a.empties() != c.empty || len(a.gaps) != c.gaps {
			t.Errorf("%s: %q, altered %q, empty %q, %d gaps; want %+v", name, l.events(a), a.alterations(), a.empties(), len(a.gaps), c)
		}
	}
}
