package report

import (
	"math"
	"strconv"
)

// column is the values of a series; a value that is not finite is a hole.
type column []float64

// hole is where nothing was measured.
var hole = math.NaN()

// MarshalJSON writes holes as null, and fractions with six digits, which is more than
// any screen shows.
func (c column) MarshalJSON() ([]byte, error) {
	out := []byte{'['}
	for i, v := range c {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendValue(out, v)
	}
	return append(out, ']'), nil
}

func appendValue(out []byte, v float64) []byte {
	const exact = 1 << 53
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return append(out, "null"...)
	case v == math.Trunc(v) && math.Abs(v) < exact:
		return strconv.AppendInt(out, int64(v), 10)
	default:
		return strconv.AppendFloat(out, v, 'g', 6, 64)
	}
}

// some reports whether there is a value that is neither a hole nor zero.
func (c column) some() bool {
	for _, v := range c {
		if !math.IsNaN(v) && v != 0 {
			return true
		}
	}
	return false
}

// measured reports whether there is a value at all.
func (c column) measured() bool {
	for _, v := range c {
		if !math.IsNaN(v) {
			return true
		}
	}
	return false
}

// extent is the smallest and the largest value above zero; zeros if there is none.
func (c column) extent() (least, most float64) {
	for _, v := range c {
		if v > 0 && (least == 0 || v < least) {
			least = v
		}
		if v > most {
			most = v
		}
	}
	return least, most
}
