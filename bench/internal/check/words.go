package check

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// span writes a time with as many digits as are useful.
func span(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", max(d, 0).Seconds()*1000)
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d%time.Second != 0 && d < 100*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}

// quote quotes what came from outside, shortened.
func quote(s string) string {
	const most = 80
	more := ""
	if len(s) > most {
		s, more = s[:most], "…"
	}
	if strings.Contains(s, `"`) && strconv.CanBackquote(s) {
		return "`" + s + "`" + more
	}
	return strconv.Quote(s) + more
}

func orElse(value, none string) string {
	if value == "" {
		return none
	}
	return quote(value)
}

// count writes "1 event", "2 events".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
