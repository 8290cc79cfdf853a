package proxies

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

// publisher publishes 1, 2, 3 and so on through a proxy, twenty per second: each number as
// an event of the topic news, and as one of the topic datastar. A number that is not
// known to be stored is published again, under the same Idempotency-Key.
type publisher struct {
	url     string
	stop    context.CancelFunc
	stopped chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex // guards what follows
	stored  int        // the newest number that is
	repeats map[string]int
	failed  error
}

// publish begins to publish. It ends with the test, or by finish.
func publish(t *testing.T, proxy string) *publisher {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	p := &publisher{url: proxy + "/publish", stop: cancel, stopped: make(chan struct{}), repeats: map[string]int{}}
	t.Cleanup(func() { p.finish(t) })
	go func() {
		defer close(p.stopped)
		pace := time.NewTicker(time.Second / 20)
		defer pace.Stop()
		for n := 1; ctx.Err() == nil; n++ {
			if err := p.store(n); err != nil {
				p.mu.Lock()
				p.failed = err
				p.mu.Unlock()
				return
			}
			<-pace.C
		}
	}()
	return p
}

// store publishes n until it is known to be stored.
func (p *publisher) store(n int) error {
	for deadline := time.Now().Add(testkit.Patience); ; time.Sleep(50 * time.Millisecond) {
		why, err := p.try(n)
		if err != nil || why != "" && time.Now().After(deadline) {
			return fmt.Errorf("number %d is not stored within %v: %s, %w", n, testkit.Patience, why, err)
		}
		p.mu.Lock()
		if why == "" {
			p.stored = n
			p.mu.Unlock()
			return nil
		}
		p.repeats[why]++
		p.mu.Unlock()
	}
}

// try publishes n once. why is empty if it is stored, and says why that is not known. err
// is why there is no use in repeating it.
func (p *publisher) try(n int) (why string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience/2)
	defer cancel()
	body := fmt.Sprintf(`[{"topic":"news","data":"%d"},{"topic":"datastar","type":"datastar-number","data":"is %[1]d"}]`, n)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Idempotency-Key", fmt.Sprint("number ", n))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "no answer", nil
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	switch {
	case res.StatusCode >= 400 && res.StatusCode < 500:
		return "", fmt.Errorf("%s: %s", res.Status, answer)
	case err != nil:
		return "half an answer", nil
	case res.StatusCode != http.StatusOK:
		return res.Status, nil
	}
	return "", nil
}

// newest is the newest number that is stored.
func (p *publisher) newest() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stored
}

// finish ends the publishing, and returns the newest number.
func (p *publisher) finish(t *testing.T) int {
	t.Helper()
	p.stop()
	<-p.stopped
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.failed != nil {
		t.Error(p.failed)
	}
	return p.stored
}

// repeated says how often publishing was repeated, and why.
func (p *publisher) repeated() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []string
	for _, why := range slices.Sorted(maps.Keys(p.repeats)) {
		list = append(list, fmt.Sprintf("%d after %q", p.repeats[why], why))
	}
	return "repeats: " + cmp.Or(strings.Join(list, ", "), "none")
}
