package fault

import (
	"context"
	"maps"
	"slices"
	"time"
)

// Drain ends every stream cleanly, all at once or as Faults.SlowDrain says, and
// returns when all have been told to end; http.Server.Shutdown waits until they have.
// New streams are refused with 503. When ctx is done, the streams that are left end
// at once. A second call does nothing.
func (p *Proxy) Drain(ctx context.Context) {
	streams := p.beginDrain()
	start := time.Now()
	for i, s := range streams {
		turn := p.faults.SlowDrain * time.Duration(i+1) / time.Duration(len(streams))
		sleep(ctx, turn-time.Since(start))
		close(s.end)
	}
}

// beginDrain silences the streams, and returns them in the order they opened.
func (p *Proxy) beginDrain() (streams []*stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.draining {
		return nil
	}
	p.draining = true
	close(p.silence)
	for _, n := range slices.Sorted(maps.Keys(p.streams)) {
		streams = append(streams, p.streams[n])
	}
	return streams
}

// sleep waits for d, or until ctx is done.
func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
