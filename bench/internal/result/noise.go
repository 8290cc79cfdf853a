package result

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// significant is the chance below which a difference is believed.
const significant = 0.05

// Range is a figure over several runs.
type Range struct {
	Median, Least, Most float64
	Runs                int // in which it was measured
}

// RangeOf is the range of values, which it does not change.
func RangeOf(values []float64) Range {
	n := len(values)
	if n == 0 {
		return Range{}
	}
	sorted := slices.Sorted(slices.Values(values))
	return Range{(sorted[(n-1)/2] + sorted[n/2]) / 2, sorted[0], sorted[n-1], n}
}

// String is the median, with the least and the most, or what there is of these.
func (r Range) String() string {
	switch r.Runs {
	case 0:
		return "–"
	case 1:
		return Compact(r.Median) + " (1 round)"
	}
	return fmt.Sprintf("%s (%s–%s)", Compact(r.Median), Compact(r.Least), Compact(r.Most))
}

func median(values []float64) float64 { return RangeOf(values).Median }

// verdict is better or worse for a difference that is hardly chance, and ~ for one that
// may be.
func verdict(was, is []float64, better string) string {
	p := chance(was, is)
	switch {
	case better == neither || median(was) == median(is) || min(len(was), len(is)) == 1:
		return ""
	case p >= significant:
		return "~"
	}
	word := "WORSE"
	if (median(is) > median(was)) == (better == more) {
		word = "better"
	}
	return fmt.Sprintf("%s (p %.3f)", word, p)
}

// chance is how likely the ranks of two samples differ as much as these or more if both
// are of the same distribution: the two-sided p of Mann and Whitney's test. It is exact,
// also for equal values, because it goes through all ways to choose the first sample.
func chance(a, b []float64) float64 {
	ranks := ranksOf(slices.Concat(a, b))
	ours, all := 0, len(ranks)*(len(ranks)+1) // twice the sums of ranks
	for _, rank := range ranks[:len(a)] {
		ours += rank
	}
	mean := len(a) * (len(ranks) + 1)
	distance := func(sum int) int { return max(sum-mean, mean-sum) }
	// ways[n][sum] is in how many ways n of the ranks have this sum.
	ways := make([][]float64, len(a)+1)
	for n := range ways {
		ways[n] = make([]float64, all+1)
	}
	ways[0][0] = 1
	for _, rank := range ranks {
		for n := len(a); n > 0; n-- {
			for sum := all; sum >= rank; sum-- {
				ways[n][sum] += ways[n-1][sum-rank]
			}
		}
	}
	far, total := 0.0, 0.0
	for sum, n := range ways[len(a)] {
		total += n
		if distance(sum) >= distance(ours) {
			far += n
		}
	}
	return far / total
}

// ranksOf is twice the rank of each value, from 2 on; equal values share the mean of theirs.
func ranksOf(values []float64) []int {
	sorted := slices.Sorted(slices.Values(values))
	ranks := make([]int, len(values))
	for i, v := range values {
		first, _ := slices.BinarySearch(sorted, v)
		after, _ := slices.BinarySearchFunc(sorted, v, func(of, v float64) int { return cmp.Or(cmp.Compare(of, v), -1) })
		ranks[i] = first + after + 1
	}
	return ranks
}

// trust says what may be believed of a comparison of so many runs.
func trust(base, now int) string {
	if base == 1 && now == 1 {
		return "One run of each proves nothing: any difference may be chance. Measure both in turn, five times or more, and compare them all: ssebench compare 'base*.json' 'new*.json'."
	}
	least := 2 * math.Gamma(float64(base+1)) * math.Gamma(float64(now+1)) / math.Gamma(float64(base+now+1))
	if least >= significant {
		return fmt.Sprintf("Medians; ± is the run that is farthest away. Of %d and %d runs no difference can be told from chance: measure each four times or more, in turn.", base, now)
	}
	return fmt.Sprintf("Medians of %d and %d runs; ± is the run that is farthest away. ~ may be chance; better and WORSE hardly: between equal servers, chance alone says so of fewer than 1 figure in 20 (p < 0.05 by Mann and Whitney's test).", base, now)
}
