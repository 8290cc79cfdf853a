package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// number writes v with three significant digits, or all digits before the point if
// there are more, and at most three after it: 0.012, 1.23, 12.3, 1,234.
func number(v float64) string {
	decimals := 3
	switch abs := math.Abs(v); {
	case v == math.Trunc(v), abs >= 99.95:
		decimals = 0
	case abs >= 9.995:
		decimals = 1
	case abs >= 0.9995:
		decimals = 2
	}
	return grouped(strconv.FormatFloat(v, 'f', decimals, 64))
}

// grouped puts commas between thousands.
func grouped(digits string) string {
	whole, fraction, found := strings.Cut(digits, ".")
	start := len(whole) % 3
	if strings.HasPrefix(whole, "-") {
		start = 1 + (len(whole)-1)%3
	}
	out := whole[:start]
	for i := start; i < len(whole); i += 3 {
		if out != "" && out != "-" {
			out += ","
		}
		out += whole[i : i+3]
	}
	if found {
		out += "." + fraction
	}
	return out
}

// count is a whole number.
func count(v float64) string { return grouped(strconv.FormatFloat(v, 'f', 0, 64)) }

func milliseconds(v float64) string { return number(v) + " ms" }
func microseconds(v float64) string { return number(v) + " µs" }

// size writes bytes: exactly up to the sizes that streams have.
func size(v float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	if math.Abs(v) < 10_000 {
		return count(v) + " B"
	}
	i := 0
	for math.Abs(v) >= 1024 && i+1 < len(units) {
		v, i = v/1024, i+1
	}
	return number(v) + " " + units[i]
}

// share is a part of one as a percentage.
func share(v float64) string { return number(100*v) + " %" }

// change is a share with its sign.
func change(v float64) string {
	if text := share(v); v <= 0 {
		return strings.Replace(text, "-", "−", 1)
	}
	return "+" + share(v)
}

// seconds writes a duration: in seconds below two minutes, else in minutes and hours.
func seconds(v float64) string {
	if math.Abs(v) < 120 {
		return number(v) + " s"
	}
	d := time.Duration(math.Round(v)) * time.Second
	if d < time.Hour {
		return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
}

// ratio says how many times the first value v is.
func ratio(v, first float64) string {
	switch r := v / first; {
	case v == first:
		return "="
	case first == 0 || r < 0:
		return ""
	case r >= 99.5:
		return "×" + count(r)
	case r >= 9.95:
		return "×" + strconv.FormatFloat(r, 'f', 1, 64)
	case r >= 0.0995:
		return "×" + strconv.FormatFloat(r, 'f', 2, 64)
	default:
		return "×" + strconv.FormatFloat(r, 'g', 2, 64)
	}
}

// plural is a count of things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return count(float64(n)) + " " + thing + "s"
}
