package screen

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// count writes a whole number with commas.
func count[T int | int32 | int64 | uint64](n T) string { return grouped(fmt.Sprint(n)) }

// figure writes a number with three digits, or all before the point if that is more.
func figure(v float64) string {
	decimals := 0
	switch size := math.Abs(v); {
	case size == 0 || size >= 99.95:
	case size >= 9.995:
		decimals = 1
	default:
		decimals = 2
	}
	return grouped(strconv.FormatFloat(v, 'f', decimals, 64))
}

func grouped(text string) string {
	start := strings.IndexFunc(text, unicode.IsDigit)
	end := strings.IndexByte(text, '.')
	if end < 0 {
		end = len(text)
	}
	for i := end - 3; i > start && start >= 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// percent writes CPU time in processors as a percentage of one.
func percent(processors float64) string { return fmt.Sprintf("%.0f%%", 100*processors) }

// memory writes bytes in MiB, or GiB from one on.
func memory(bytes uint64) string {
	if bytes >= 1<<30 {
		return figure(float64(bytes)/(1<<30)) + " GiB"
	}
	return figure(float64(bytes)/(1<<20)) + " MiB"
}

// span writes a time as people do: 12 s, 3 min 05 s, 2 h 07 min.
func span(d time.Duration) string {
	s := int(d.Seconds())
	switch {
	case s >= 3600:
		return fmt.Sprintf("%d h %02d min", s/3600, s/60%60)
	case s >= 100:
		return fmt.Sprintf("%d min %02d s", s/60, s%60)
	}
	return fmt.Sprintf("%d s", s)
}
