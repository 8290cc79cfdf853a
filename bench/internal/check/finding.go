package check

import "fmt"

// Verdict is the outcome of a check.
type Verdict string

const (
	OK      Verdict = "ok"
	Warn    Verdict = "warn"    // some clients or proxies do not cope
	Fail    Verdict = "fail"    // clients lose something, or wait for it
	Skipped Verdict = "skipped" // it could not be checked
)

// Finding is what one check found.
type Finding struct {
	Section string  `json:"section"`
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
	Found   string  `json:"found"`            // one sentence, with values
	Remedy  string  `json:"remedy,omitempty"` // what to do about it
}

func find(v Verdict, remedy, format string, args []any) Finding {
	return Finding{Verdict: v, Remedy: remedy, Found: fmt.Sprintf(format, args...)}
}

func good(format string, args ...any) Finding         { return find(OK, "", format, args) }
func skip(format string, args ...any) Finding         { return find(Skipped, "", format, args) }
func warn(remedy, format string, args ...any) Finding { return find(Warn, remedy, format, args) }
func fail(remedy, format string, args ...any) Finding { return find(Fail, remedy, format, args) }

// when is f if that holds, and no finding if not.
func when(holds bool, f Finding) Finding {
	if holds {
		return f
	}
	return Finding{}
}

// first is the first finding that was made, if one was.
func first(findings ...Finding) Finding {
	for _, f := range findings {
		if f.Verdict != "" {
			return f
		}
	}
	return Finding{}
}

// check reports a check's finding: the first of these that was made.
type check func(name string, findings ...Finding)

// judge makes every finding, in the order of the report. What was not seen is an answer of
// zeros to the judges.
func (s *session) judge() (all []Finding) {
	for _, section := range []struct {
		name  string
		judge func(*session, check)
	}{
		{"answer", (*session).judgeAnswer}, {"stream", (*session).judgeText}, {"life", (*session).judgeLife},
		{"endings", (*session).judgeEndings}, {"delivery", (*session).judgeDelivery}, {"resume", (*session).judgeResume},
		{"protocol", (*session).judgeProtocol}, {"cors", (*session).judgeCORS}, {"between", (*session).judgeBetween},
	} {
		section.judge(s, func(name string, findings ...Finding) {
			f := first(findings...)
			f.Section, f.Name = section.name, name
			all = append(all, f)
		})
	}
	return all
}
