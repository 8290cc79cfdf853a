package load

import (
	"fmt"
	"math"
)

// Sizes are how many bytes events have: one size, or several with the percentage of events
// that have each, as in "100:80%,2000:20%".
type Sizes []struct {
	Size    int
	Percent float64
}

// ParseSizes reads the parts of sizes. Their shares have to be 100% together.
func ParseSizes(parts []string) (Sizes, error) {
	all, sum := make(Sizes, len(parts)), 0.0
	for i, part := range parts {
		one := &all[i]
		one.Percent = 100
		_, bad := fmt.Sscanf(part+"\n", "%d:%f%%\n", &one.Size, &one.Percent)
		if sum += one.Percent; bad != nil && fmt.Sprint(one.Size) != part || one.Size < LeastSize {
			return nil, fmt.Errorf("-size %q: give a number of bytes, or several with their shares, such as 100:80%%,2000:20%%; an event says where it comes from and when it was due, which takes up to %d bytes: give at least that", part, LeastSize)
		}
	}
	if math.Abs(sum-100) > 1e-6 {
		return nil, fmt.Errorf("-size %q: the shares are %v%% together; make that 100%%", parts, sum)
	}
	return all, nil
}

// of is the size of event seq: the same in each measurement, and mixed about evenly.
func (s Sizes) of(seq uint64) int {
	at := math.Mod(float64(seq)*(math.Sqrt(5)-1)/2, 1) * 100
	for _, one := range s[1:] {
		if at -= one.Percent; at < 0 {
			return one.Size
		}
	}
	return s[0].Size
}
