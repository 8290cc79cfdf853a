package result

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// roundTo rounds to a number of significant digits.
func roundTo(value float64, digits int) float64 {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(value, 'g', digits, 64), 64)
	if err != nil {
		return value
	}
	return rounded
}

// exact is a value with all its digits, and the unit.
func (u unit) exact(value float64) string {
	if u == share {
		return strconv.FormatFloat(roundTo(100*value, 12), 'f', -1, 64) + "%"
	}
	return strings.TrimSpace(grouped(strconv.FormatFloat(value, 'f', -1, 64)) + " " + string(u))
}

// short is a value with three digits, or more if it is larger, and the unit. Many
// bytes are written in KiB and larger units.
func (u unit) short(value float64) string {
	switch u {
	case count:
		return grouped(strconv.FormatFloat(value, 'f', 0, 64))
	case share:
		return strings.TrimSuffix(strconv.FormatFloat(100*value, 'f', 1, 64), ".0") + "%"
	case octets:
		return memory(value)
	}
	return digits(value) + " " + string(u)
}

// digits writes a number with three digits, or all before the point if that is more.
func digits(value float64) string {
	decimals := 0
	switch size := math.Abs(value); {
	case size == 0 || size >= 99.95:
	case size >= 9.995:
		decimals = 1
	case size >= 0.9995:
		decimals = 2
	default:
		decimals = 3
	}
	return grouped(strconv.FormatFloat(value, 'f', decimals, 64))
}

// narrow writes a count in six columns: whole below a million.
func narrow(n float64) string {
	for _, big := range []struct {
		letter string
		size   float64
	}{{"T", 1e12}, {"G", 1e9}, {"M", 1e6}} {
		if n >= big.size {
			return digits(n/big.size) + " " + big.letter
		}
	}
	return grouped(strconv.FormatFloat(n, 'f', 0, 64))
}

// narrowTime writes milliseconds in at most seven columns, below 100 s without the unit.
func narrowTime(ms float64) string {
	if ms >= 100_000 {
		return digits(ms/1000) + " s"
	}
	return digits(ms)
}

// memory writes fewer than 64 KiB in bytes.
func memory(value float64) string {
	for _, big := range []struct {
		unit string
		size float64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if math.Abs(value) >= 64*big.size || (big.unit != "KiB" && math.Abs(value) >= big.size) {
			return digits(value/big.size) + " " + big.unit
		}
	}
	return grouped(strconv.FormatFloat(value, 'f', 0, 64)) + " B"
}

// grouped puts commas between the thousands of a written number.
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

// counted is a whole number with commas.
func counted[T int | int32 | int64 | uint64](n T) string { return grouped(fmt.Sprint(n)) }

// signed writes a change as a percentage, with its sign.
func signed(part float64) string {
	text := share.short(part)
	if part > 0 {
		return "+" + text
	}
	return text
}

// plain is text from outside without characters that could move a terminal's cursor.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, text)
}
