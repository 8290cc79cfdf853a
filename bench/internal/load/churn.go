package load

import (
	"context"
	"math"
	"sync/atomic"
)

// Churn opens and closes streams on a schedule.
type Churn struct {
	swarm *Swarm
	stop  context.CancelFunc
	ended chan struct{}
	done  atomic.Int64
}

// mostStay is how many churning streams are open at a time, at most. Otherwise each
// stays for two seconds, so that soon as many leave as come.
const mostStay = 200

// Stay is how many streams a churn of this rate has open.
func Stay(rate float64) int { return min(int(math.Ceil(2*rate)), mostStay) }

// NewChurn starts to open and close rate streams per second of the swarm, in which
// nobody else opens streams. They are closed by a reset or cleanly.
func NewChurn(s *Swarm, rate float64, reset bool) *Churn {
	ctx, stop := context.WithCancel(context.Background())
	c := &Churn{swarm: s, stop: stop, ended: make(chan struct{})}
	go c.run(ctx, rate, reset)
	return c
}

func (c *Churn) run(ctx context.Context, rate float64, reset bool) {
	defer close(c.ended)
	var open []int
	for i, begin := 0, Now(); sleepUntil(ctx, begin+at(i, rate)); i++ {
		open = append(open, c.swarm.openOne(Client{}))
		if len(open) > Stay(rate) {
			c.swarm.leaveOne(open[0], reset)
			open = open[1:]
		}
		c.done.Add(1)
	}
}

// Stop ends the churn. Streams that are still open are closed with the swarm.
func (c *Churn) Stop() {
	c.stop()
	<-c.ended
}

// Done is how many streams were opened.
func (c *Churn) Done() int64 { return c.done.Load() }
