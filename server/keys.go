package server

import (
	"fmt"
	"sync"

	"github.com/fastsse/fastsse"
	"github.com/fastsse/fastsse/internal/queue"
	"github.com/fastsse/fastsse/server/backplane"
)

// keys are the idempotency keys of the last two minutes, in a hub that is alone, and the
// ids that were published with them. There is no timer: a publish with a key forgets the
// old ones. Beyond mostKeyedIDs ids, the oldest keys are forgotten sooner.
type keys struct {
	mu    sync.Mutex // guards all below
	byKey map[string]*keyed
	order queue.Queue[*keyed] // the oldest first
	ids   int                 // of those in order
}

// keyed is a publish with a key.
type keyed struct {
	key  string
	at   int64 // milliseconds of the hub's clock
	n    int   // how many messages
	done chan struct{}
	ids  []string // valid once done is closed
	err  error
}

// mostKeyedIDs bounds the ids of all keys together. An id has at most 128 bytes, as a key.
const mostKeyedIDs = 64 << 10

// once sets ids by calling publish, unless the key is known: then it sets them to those of
// the publish that had the key first. now is in milliseconds.
func (k *keys) once(key string, ids []string, now int64, publish func() error) error {
	p, first := k.enter(key, len(ids), now)
	if !first {
		<-p.done
		if p.err == nil && p.n != len(ids) {
			return fmt.Errorf("server: publish %d messages: %w", len(ids),
				fastsse.NewFieldError("key", key, fmt.Sprintf("was given with %d messages before", p.n), "give each publish a key of its own"))
		}
		copy(ids, p.ids)
		return p.err
	}
	defer close(p.done)
	if p.err = publish(); p.err != nil {
		k.forget(p)
		return p.err
	}
	p.ids = append(p.ids, ids...)
	return nil
}

// enter returns the publish that has the key, and whether it is this one.
func (k *keys) enter(key string, n int, now int64) (p *keyed, first bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if p, known := k.byKey[key]; known && now-p.at <= backplane.Window.Milliseconds() {
		return p, false
	}
	p = &keyed{key: key, at: now, n: n, done: make(chan struct{})}
	if k.byKey == nil {
		k.byKey = make(map[string]*keyed)
	}
	k.byKey[key] = p
	k.order.Push(p)
	k.ids += n
	k.forgetOld(now)
	return p, true
}

// forgetOld forgets keys that are old, or too many. The caller holds mu.
func (k *keys) forgetOld(now int64) {
	for k.order.Len() > 1 {
		oldest := k.order.Peek()
		if now-oldest.at <= backplane.Window.Milliseconds() && k.ids <= mostKeyedIDs {
			return
		}
		k.order.Pop()
		k.ids -= oldest.n
		if k.byKey[oldest.key] == oldest {
			delete(k.byKey, oldest.key)
		}
	}
}

// forget forgets a publish that has failed.
func (k *keys) forget(p *keyed) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.byKey[p.key] == p {
		delete(k.byKey, p.key)
	}
}

// keyOf returns the idempotency key of messages that are to be published together.
func keyOf(messages []Message) (string, error) {
	key := messages[0].Key
	if len(key) > backplane.MostKeyBytes {
		return "", fastsse.NewFieldError("key", key, fmt.Sprintf("is longer than %d bytes", backplane.MostKeyBytes), "shorten it, or give a hash of it")
	}
	for i := range messages {
		if k := messages[i].Key; k != "" && k != key {
			return "", fastsse.NewFieldError("key", k, "is not that of the first message", "give the first message a key, which is for all, and the others none")
		}
	}
	return key, nil
}
