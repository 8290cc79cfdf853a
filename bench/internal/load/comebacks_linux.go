package load

import "time"

// comeback is a stream that will connect again at a given time.
type comeback struct {
	at   time.Duration
	st   *rawStream
	life int32
}

// comebacks is a heap by time.
type comebacks []comeback

func (c comebacks) Len() int           { return len(c) }
func (c comebacks) Less(i, j int) bool { return c[i].at < c[j].at }
func (c comebacks) Swap(i, j int)      { c[i], c[j] = c[j], c[i] }
func (c *comebacks) Push(x any)        { *c = append(*c, x.(comeback)) }
func (c *comebacks) Pop() any {
	last := (*c)[len(*c)-1]
	*c = (*c)[:len(*c)-1]
	return last
}
