package load

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Churn opens streams and leaves them again on a schedule.
type Churn struct {
	swarm *Swarm
	rate  float64
	stop  chan struct{}
	ended chan struct{}
	done  atomic.Int64
}

// stay is how many churning streams are open at a time.
const stay = 200

// NewChurn starts to open and leave rate streams a second of the swarm's URL.
func NewChurn(s *Swarm, rate float64) *Churn {
	c := &Churn{swarm: &Swarm{target: s.target}, rate: rate, stop: make(chan struct{}), ended: make(chan struct{})}
	go c.run()
	return c
}

func (c *Churn) run() {
	defer close(c.ended)
	var open []int
	begin := Now()
	for i := 0; ; i++ {
		select {
		case <-c.stop:
			for _, fd := range open {
				unix.Close(fd)
			}
			return
		default:
		}
		sleepUntil(begin + time.Duration(float64(i)/c.rate*float64(time.Second)))
		fd, err := c.swarm.dial("", false)
		if err != nil {
			continue
		}
		if open = append(open, fd); len(open) > stay {
			unix.Close(open[0])
			open = open[1:]
		}
		c.done.Add(1)
	}
}

// Stop ends the churn and closes what is open.
func (c *Churn) Stop() {
	close(c.stop)
	<-c.ended
}

// Done is how many streams were opened.
func (c *Churn) Done() int64 { return c.done.Load() }
