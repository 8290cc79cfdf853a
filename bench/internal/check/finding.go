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

func good(format string, args ...any) Finding {
	return Finding{Verdict: OK, Found: fmt.Sprintf(format, args...)}
}

func skip(format string, args ...any) Finding {
	return Finding{Verdict: Skipped, Found: fmt.Sprintf(format, args...)}
}

func warn(remedy, format string, args ...any) Finding {
	return Finding{Verdict: Warn, Found: fmt.Sprintf(format, args...), Remedy: remedy}
}

func fail(remedy, format string, args ...any) Finding {
	return Finding{Verdict: Fail, Found: fmt.Sprintf(format, args...), Remedy: remedy}
}

// judge makes a finding from what was seen.
type judge func(*session) Finding

// section is checks that belong together.
type section struct {
	name   string
	checks []named
}

type named struct {
	name  string
	judge judge
}

// sections are all checks, in the order of the report.
var sections = []section{
	{"answer", []named{
		{"status", judgeStatus},
		{"redirect", judgeRedirect},
		{"content-type", ifAnswered(judgeContentType)},
		{"cache-control", ifAnswered(judgeCacheControl)},
		{"cached", judgeCached},
		{"x-accel-buffering", ifAnswered(judgeAccelBuffering)},
		{"content-encoding", ifAnswered(judgeContentEncoding)},
		{"framing", ifAnswered(judgeFraming)},
		{"head", ifAnswered(judgeHead)},
		{"first-byte", ifStream(judgeFirstByte)},
	}},
	{"stream", []named{
		{"text", ifStream(judgeText)},
		{"line-ends", ifStream(judgeLineEnds)},
		{"fields", ifStream(judgeFields)},
		{"blocks", ifStream(judgeBlocks)},
		{"comments", ifStream(judgeComments)},
		{"retry", ifStream(judgeRetry)},
		{"ids", ifStream(judgeIDs)},
	}},
	{"life", []named{
		{"heartbeat", ifStream(judgeHeartbeat)},
		{"lifetime", ifStream(judgeLifetime)},
	}},
	{"delivery", []named{
		{"publish", judgePublish},
		{"delivery", ifPublished(judgeDelivery)},
		{"delay", ifPublished(judgeDelay)},
		{"gzip", ifStream(judgeGzip)},
	}},
	{"resume", []named{
		{"resume", ifPublished(judgeResume)},
		{"up-to-date", ifPublished(judgeUpToDate)},
		{"gzip", ifPublished(judgeResumeGzip)},
		{"gap", ifStream(judgeGap)},
	}},
	{"protocol", []named{
		{"head-method", judgeHeadMethod},
		{"wrong-method", judgeWrongMethod},
		{"http-1.0", ifStream(judgeHTTP10)},
		{"http-2", ifStream(judgeHTTP2)},
	}},
	{"cors", []named{
		{"origin", ifStream(judgeOrigin)},
		{"preflight", judgePreflight},
	}},
	{"between", []named{
		{"headers", ifDirect(judgeBetweenHeaders)},
		{"opening", judgeBetweenOpening},
		{"delivery", ifDirect(judgeBetweenDelivery)},
		{"gzip", ifDirect(judgeBetweenGzip)},
		{"lifetime", ifDirect(judgeBetweenLifetime)},
	}},
}

// judgeAll makes every finding.
func (s *session) judgeAll() []Finding {
	var all []Finding
	for _, sec := range sections {
		for _, c := range sec.checks {
			f := c.judge(s)
			f.Section, f.Name = sec.name, c.name
			all = append(all, f)
		}
	}
	return all
}
