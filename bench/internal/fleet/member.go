package fleet

import (
	"context"
	"encoding/json"
	"io"
	"sync"
	"sync/atomic"

	"github.com/fastsse/fastsse/bench/internal/load"
	"github.com/fastsse/fastsse/bench/internal/result"
)

// Member is the scenario.Crew of the other processes.
type Member struct {
	cancel    context.CancelFunc
	orders    chan struct{}
	over      chan struct{}
	published atomic.Uint64

	mu  sync.Mutex // guards out
	out *json.Encoder
}

// Join makes this process take orders from the one that has started it. The context ends when
// that says so, or has ended.
func Join(ctx context.Context, in io.Reader, out io.Writer) (context.Context, *Member) {
	ctx, cancel := context.WithCancel(ctx)
	m := &Member{cancel: cancel, orders: make(chan struct{}, mostSteps), over: make(chan struct{}), out: json.NewEncoder(out)}
	go m.obey(json.NewDecoder(in))
	return ctx, m
}

func (m *Member) obey(from *json.Decoder) {
	defer m.cancel()
	for {
		var v order
		if from.Decode(&v) != nil {
			return
		}
		m.published.Store(v.Published)
		switch {
		case v.Stop:
			m.cancel()
		case v.Over:
			close(m.over)
		default:
			m.orders <- struct{}{}
		}
	}
}

func (m *Member) tell(v report) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.out.Encode(v)
}

// Step is scenario.Crew's.
func (m *Member) Step(ctx context.Context, _ uint64) (uint64, error) {
	if err := m.tell(report{Step: true}); err != nil {
		m.cancel()
	}
	select {
	case <-m.orders:
	case <-ctx.Done():
	case <-m.over: // before its time: the last process has failed
		m.cancel()
	}
	return m.published.Load(), nil
}

// Seen is scenario.Crew's.
func (m *Member) Seen(v result.Sample) result.Sample {
	v.Published = 0 // by another process
	_ = m.tell(report{Sample: &v})
	return v
}

// Sum is scenario.Crew's: it hands the result over.
func (m *Member) Sum(_ context.Context, r *result.Result, part load.Part) (*result.Result, []load.Part, error) {
	one := *r
	one.Published = 0
	one.Samples = nil
	for _, v := range r.Samples {
		v.Published = 0
		one.Samples = append(one.Samples, v)
	}
	return r, nil, m.tell(report{Result: &one, Part: &part})
}
