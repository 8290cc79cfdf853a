package result

import (
	"math"
	"strings"
	"unicode"

	"github.com/dustin/go-humanize"
)

// Unit is the unit of a figure, as it is written after its number.
type Unit string

const (
	Count   Unit = ""
	Share   Unit = "%" // held as 0 to 1
	Seconds Unit = "s"
	Millis  Unit = "ms"
	Micros  Unit = "µs"
	Bytes   Unit = "B"
	YesNo   Unit = "yes/no" // held as 1 or 0
)

// scales are the units that may follow a number: what they measure, and their size in the
// smallest of these. Sizes are whole, so that 50000us is exactly 50 ms.
var scales = map[string]struct {
	of   string
	size float64
}{
	"ns": {times, 1}, "us": {times, 1e3}, "µs": {times, 1e3}, "μs": {times, 1e3}, "ms": {times, 1e6}, "s": {times, 1e9},
	"B": {memory, 1}, "KB": {memory, 1e3}, "KiB": {memory, 1 << 10}, "MB": {memory, 1e6}, "MiB": {memory, 1 << 20},
	"GB": {memory, 1e9}, "GiB": {memory, 1 << 30},
	"%": {"a share of 1, or in %", 1}, "": {"a count, without a unit", 1},
}

const (
	times  = "a time: ns, us, ms or s"
	memory = "bytes: B, KB, KiB, MB, MiB, GB or GiB"
)

// fitting says which units fit u.
func (u Unit) fitting() string { return scales[string(u)].of }

// in converts a number with a written unit to u.
func (u Unit) in(number float64, written string) (value float64, fits bool) {
	from, known := scales[written]
	to := scales[string(u)]
	switch {
	case written == "":
		return number, true
	case u == Share:
		to.size = 100
	}
	return number * from.size / to.size, known && from.of == to.of
}

// parts of a name in the JSON that say its unit.
var parts = map[string]Unit{
	"ms": Millis, "us": Micros, "s": Seconds, "seconds": Seconds, "at": Seconds, "bytes": Bytes, "count": Count,
	"share": Share, "busy": Share, "uneven": Share, "off": Share, "trend": Share,
}

// unitOf is the unit that the last name of a path says, or else the name before it.
func unitOf(path string) Unit {
	rest, name := "", path
	if dot := strings.LastIndexByte(path, '.'); dot >= 0 {
		rest, name = path[:dot], path[dot+1:]
	}
	for part := range strings.SplitSeq(name, "_") {
		if u, found := parts[part]; found {
			return u
		}
	}
	if rest == "" {
		return Count
	}
	return unitOf(rest)
}

// Short is a value with three digits, or all before the point if that is more, and the
// unit. Many bytes are written in KiB and larger units.
func (u Unit) Short(v float64) string {
	switch u {
	case Count:
		return decimals(v, 0)
	case YesNo:
		return map[bool]string{true: "yes", false: "no"}[v != 0]
	case Share:
		return strings.TrimSuffix(decimals(100*v, 1), ".0") + "%"
	case Bytes:
		return size(v)
	}
	return Digits(v) + " " + string(u)
}

// exact is a value with all its digits, or five after the point, and the unit.
func (u Unit) exact(v float64) string {
	switch u {
	case YesNo:
		return u.Short(v)
	case Share:
		return humanize.Commaf(math.Round(v*1e7)/1e5) + "%"
	}
	return strings.TrimSpace(humanize.Commaf(math.Round(v*1e5)/1e5) + " " + string(u))
}

// Digits writes a number with three digits, or all before the point if that is more, and
// commas between thousands.
func Digits(v float64) string {
	switch size := math.Abs(v); {
	case size == 0 || size >= 99.95:
		return decimals(v, 0)
	case size >= 9.995:
		return decimals(v, 1)
	case size >= 0.9995:
		return decimals(v, 2)
	}
	return decimals(v, 3)
}

func decimals(v float64, n int) string {
	return humanize.FormatFloat("#,###."+strings.Repeat("#", n), v)
}

// size writes bytes, fewer than 64 KiB as they are.
func size(v float64) string {
	for _, big := range []struct {
		unit        string
		size, least float64
	}{{" GiB", 1 << 30, 1 << 30}, {" MiB", 1 << 20, 1 << 20}, {" KiB", 1 << 10, 1 << 16}} {
		if math.Abs(v) >= big.least {
			return Digits(v/big.size) + big.unit
		}
	}
	return decimals(v, 0) + " B"
}

// narrow writes a count in six columns: whole below a million.
func narrow(n float64) string {
	if n < 1e6 {
		return Count.Short(n)
	}
	return Compact(n)
}

// Compact is Digits in at most seven columns: millions have a prefix.
func Compact(v float64) string {
	if v < 1e6 {
		return Digits(v)
	}
	value, prefix := humanize.ComputeSI(v)
	return Digits(value) + " " + prefix
}

// many is a number of things.
func many(n float64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	if strings.HasSuffix(thing, "s") {
		thing += "e"
	}
	return decimals(n, 0) + " " + thing + "s"
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
