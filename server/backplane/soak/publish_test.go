package soak_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/fastsse/fastsse/internal/soak"
	"github.com/fastsse/fastsse/internal/testkit"
)

// answer is what came of an attempt to publish.
type answer struct {
	ids     []string
	err     error // nil: stored
	unknown bool  // with err: it may have been stored
	took    time.Duration
}

// publisher publishes at its own pace until the round stops.
func (r *round) publisher(n int, random *rand.Rand) {
	own := 0
	for !r.stopped.Load() {
		time.Sleep(time.Duration(random.IntN(2*r.plan.pace)) * time.Microsecond)
		b := r.book.enter(r.clock())
		more := 0
		if random.IntN(12) == 0 {
			more = random.IntN(20)
		}
		r.post(b, r.plan.Topic(random, r.generation()), random)
		for range more {
			r.post(b, r.plan.Topic(random, r.generation()), random)
		}
		if random.IntN(8) == 0 { // not the first: sequences are counted from that
			own++
			r.post(b, r.plan.Topic(random, r.generation()), random).own = fmt.Sprintf("own-%d.%d", n, own)
		}
		if random.IntN(10) < 7 {
			b.key = fmt.Sprintf("key %d of %x", b.n, random.Uint64())
		}
		r.publish(b, random)
	}
}

// post adds an event to a batch.
func (r *round) post(b *batch, topic string, random *rand.Rand) *posting {
	most := 200
	switch n := random.IntN(60); {
	case n == 0:
		most = 40_000
	case n < 10:
		most = 4_000
	}
	p := &posting{batch: b, i: len(b.postings), topic: topic}
	p.ephemeral = random.IntN(20) == 0
	p.size = 1 + random.IntN(most)
	b.postings = append(b.postings, p)
	return p
}

// bodyOf is the request's body, and what the postings' data are.
func (r *round) bodyOf(b *batch, random *rand.Rand) ([]byte, error) {
	type message struct {
		Topic     string `json:"topic"`
		ID        string `json:"id,omitempty"`
		Ephemeral bool   `json:"ephemeral,omitempty"`
		Data      string `json:"data"`
	}
	var list []message
	for _, p := range b.postings {
		data := append([]byte(p.mark()), soak.Data(random, p.size)...)
		p.sum, p.size = soak.Sum(data), len(data)
		list = append(list, message{p.topic, p.own, p.ephemeral, string(data)})
		p.ephemeral = p.ephemeral || r.plan.ephemeral(p.topic)
	}
	return json.Marshal(list)
}

// publish publishes a batch: at another hub again, under its key, after an error. Without a
// key it tries again only what was refused.
func (r *round) publish(b *batch, random *rand.Rand) {
	defer r.book.finish(b)
	body, err := r.bodyOf(b, random)
	if err != nil {
		r.t.Error(err)
		return
	}
	kills := r.broker.kills.Load()
	for until := time.Now().Add(retriesFor); time.Now().Before(until); {
		if r.plan.forgetsKeys() && r.broker.kills.Load() != kills {
			return
		}
		n := r.node(random)
		if n == nil {
			time.Sleep(10 * time.Millisecond)
			continue
		}
		a := r.attempt(n, b, body)
		again := b.key != "" && random.IntN(10) == 0
		if a.err == nil && !again || a.unknown && b.key == "" || r.stopped.Load() && !b.last {
			return
		}
		if a.err != nil {
			time.Sleep(time.Duration(random.IntN(100)) * time.Millisecond)
		}
	}
}

// retriesFor is much less than the two minutes for which a key counts.
const retriesFor = 40 * time.Second

// finish notes that there will be no other attempt.
func (l *ledger) finish(b *batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b.over = true
}

// attempt publishes a batch at a hub.
func (r *round) attempt(n *node, b *batch, body []byte) answer {
	ctx, cancel := context.WithTimeout(context.Background(), answerWithin)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, "POST", "http://"+n.address+"/publish", bytes.NewReader(body))
	if err != nil {
		return answer{err: err}
	}
	q.GetBody = nil // net/http does not try again
	q.Header.Set("Content-Type", "application/json")
	if b.key != "" {
		q.Header.Set("Idempotency-Key", b.key)
	}
	began := time.Now()
	res, err := r.http.Do(q)
	if err == nil {
		defer res.Body.Close()
		a := r.read(n, b, res)
		a.took = time.Since(began)
		r.book.answer(b, a, r.clock(), n)
		return a
	}
	if time.Since(began) >= answerWithin {
		r.book.blame("HANGS: hub %d has not answered batch %d for %v", n.number, b.n, answerWithin)
	}
	op := new(net.OpError)
	a := answer{err: err, unknown: !errors.As(err, &op) || op.Op != "dial"}
	r.book.answer(b, a, r.clock(), n)
	return a
}

// say publishes one event at a hub, once. After an error it waits a little.
func (r *round) say(n *node, topic string, random *rand.Rand) answer {
	b := r.book.enter(r.clock())
	defer r.book.finish(b)
	r.post(b, topic, random)
	body, err := r.bodyOf(b, random)
	if err != nil {
		r.t.Error(err)
		return answer{err: err}
	}
	a := r.attempt(n, b, body)
	if a.err != nil {
		time.Sleep(20 * time.Millisecond)
	}
	return a
}

// answerWithin is more than the hub's PublishTimeout, and than what a hub is stopped for.
const answerWithin = testkit.Patience

// read reads an answer.
func (r *round) read(n *node, b *batch, res *http.Response) answer {
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{err: err, unknown: true}
	}
	switch res.StatusCode {
	case http.StatusOK:
		var a struct{ IDs []string }
		if err := json.Unmarshal(text, &a); err != nil || len(a.IDs) == 0 {
			r.book.blame("hub %d answered %q to batch %d", n.number, text, b.n)
			return answer{err: errors.New("no ids"), unknown: true}
		}
		return answer{ids: a.IDs}
	case http.StatusServiceUnavailable, http.StatusRequestTimeout: // the second: a hub that was stopped has not read it in time
		r.refused.Add(1)
		return answer{err: fmt.Errorf("%s", text)}
	case http.StatusGatewayTimeout:
		r.unknown.Add(1)
		return answer{err: fmt.Errorf("%s", text), unknown: true}
	}
	r.book.blame("hub %d answered %s, %q to batch %d", n.number, res.Status, text, b.n)
	return answer{err: errors.New(res.Status), unknown: true}
}

// query is a subscription's.
func query(topics []string) string { return url.Values{"topic": topics}.Encode() }
