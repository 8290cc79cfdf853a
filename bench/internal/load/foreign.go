package load

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Foreign finds the time in events that somebody else publishes. The zero value
// finds none.
type Foreign struct {
	pattern *regexp.Regexp
	path    []string
}

// NewForeign finds the time with the first group of a regular expression, or at a
// path of names in a JSON object ("meta.sent_at"). Give one; the other must be empty.
//
// A time is a number of seconds, milliseconds, microseconds or nanoseconds since
// 1970 (the size tells which), or in RFC 3339. It is compared with this machine's
// clock: the publisher's must be the same, or synchronised with it.
func NewForeign(pattern, path string) (*Foreign, error) {
	f := &Foreign{}
	if pattern != "" && path != "" {
		return nil, fmt.Errorf("find times: both a regular expression %q and a JSON path %q are given; give one", pattern, path)
	}
	if pattern != "" {
		re, err := regexp.Compile(pattern)
		if err != nil {
			return nil, fmt.Errorf("find times by %q: %w", pattern, err)
		}
		if re.NumSubexp() < 1 {
			return nil, fmt.Errorf(`find times by %q: it has no group; put the time in one, as in "sent_at":(\d+)`, pattern)
		}
		f.pattern = re
	}
	if path != "" {
		f.path = strings.Split(strings.TrimPrefix(strings.TrimPrefix(path, "$"), "."), ".")
	}
	return f, nil
}

// find returns the time at which the event says it was sent, on the process's clock.
func (f *Foreign) find(data []byte) (due time.Duration, ok bool) {
	text := ""
	switch {
	case f.pattern != nil:
		m := f.pattern.FindSubmatch(data)
		if m == nil {
			return 0, false
		}
		text = string(m[1])
	case len(f.path) > 0:
		text = atPath(data, f.path)
	}
	at, ok := parseTime(text)
	return at.Sub(epoch), ok // both on the wall clock
}

func atPath(data []byte, path []string) string {
	raw := json.RawMessage(data)
	for _, name := range path {
		var object map[string]json.RawMessage
		if json.Unmarshal(raw, &object) != nil {
			return ""
		}
		raw = object[name]
	}
	return strings.Trim(string(raw), `"`)
}

func parseTime(text string) (time.Time, bool) {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		at, err := time.Parse(time.RFC3339Nano, text)
		return at, err == nil
	}
	switch { // now is 1.8e9 s
	case n < 1e9:
		return time.Time{}, false
	case n < 1e11:
		return time.Unix(0, int64(n*1e9)), true
	case n < 1e14:
		return time.Unix(0, int64(n*1e6)), true
	case n < 1e17:
		return time.Unix(0, int64(n*1e3)), true
	}
	i, err := strconv.ParseInt(text, 10, 64)
	return time.Unix(0, i), err == nil
}
