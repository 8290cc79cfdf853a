package scenario

import "math"

// line is a straight line through points, by least squares.
type line struct {
	level float64 // at the first x
	slope float64
	err   float64 // standard error of the slope
}

// fit lays a line through three points or more, whose x differ. If neighbours differ from the
// line in the same direction, as they do when something rises in steps, the error is larger
// by what that says of how many of the points are independent.
func fit(x, y []float64) line {
	n := float64(len(x))
	var mx, my, sxx, sxy float64
	for i := range x {
		mx += x[i] / n
		my += y[i] / n
	}
	for i := range x {
		sxx += (x[i] - mx) * (x[i] - mx)
		sxy += (x[i] - mx) * (y[i] - my)
	}
	l := line{slope: sxy / sxx}
	l.level = my + l.slope*(x[0]-mx)
	var squares, neighbours, last float64
	for i := range x {
		off := y[i] - my - l.slope*(x[i]-mx)
		squares += off * off
		neighbours += off * last
		last = off
	}
	if squares == 0 {
		return l
	}
	l.err = math.Sqrt(squares / (n - 2) / sxx)
	if alike := min(neighbours/squares, 0.99); alike > 0 {
		l.err *= math.Sqrt((1 + alike) / (1 - alike))
	}
	return l
}
