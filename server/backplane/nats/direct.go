package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	natsio "github.com/nats-io/nats.go"

	"github.com/fastsse/fastsse/server/backplane"
)

// request is a page that is being read.
type request struct {
	after uint64 // the sequence of the newest entry in page, or the caller's
	limit int
	page  []backplane.Entry
	size  int // bytes of the page's entries
}

func (r *request) full() bool { return len(r.page) >= r.limit || r.size >= mostOfPage }

// batchGet is JetStream's request for several messages from one replica, a "batched direct
// get": no state is left at the server. (ADR-31 of NATS; the client library has no call.)
type batchGet struct {
	Seq      uint64 `json:"seq"`
	Batch    int    `json:"batch"`
	MaxBytes int    `json:"max_bytes"`
}

const (
	// mostOfGet is how many messages are asked for at once.
	mostOfGet = 1000

	// mostGets is how many answers may be on their way at once. A server closes a connection
	// for which more than 64 MiB wait (max_pending), and what Append and Tail wait for is
	// behind them.
	mostGets = 4
)

// get adds to the page what one replica has.
func (b *Backplane) get(ctx context.Context, r *request) error {
	select {
	case b.gets <- struct{}{}:
		defer func() { <-b.gets }()
	case <-ctx.Done():
		return ctx.Err()
	}
	ask, err := json.Marshal(batchGet{Seq: r.after + 1, Batch: min(r.limit-len(r.page), mostOfGet), MaxBytes: mostOfPage - r.size})
	if err != nil {
		return err
	}
	inbox := b.conn.NewInbox()
	answers := make(chan *natsio.Msg, mostOfGet+1)
	sub, err := b.conn.ChanSubscribe(inbox, answers)
	if err != nil {
		return err
	}
	defer sub.Unsubscribe()
	if err := b.conn.PublishRequest("$JS.API.DIRECT.GET."+b.options.Feed, inbox, ask); err != nil {
		return err
	}
	for previous := uint64(0); ; previous = r.after {
		select {
		case m := <-answers:
			if done, err := r.add(m, previous); done || err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// add takes an answer. previous is the sequence of the one before, which the server names:
// none is lost on the way. done is true for the answer that says that there are no more.
func (r *request) add(m *natsio.Msg, previous uint64) (done bool, err error) {
	switch status := m.Header.Get("Status"); status {
	case "", "204":
	case "404": // nothing there, or not yet
		return true, nil
	case "503":
		return true, errors.New("no server answers for the stream; does it have allow_direct?")
	default:
		return true, fmt.Errorf("status %s %s", status, m.Header.Get("Description"))
	}
	if named := lastHeader(m, "Nats-Last-Sequence"); named != strconv.FormatUint(previous, 10) {
		return true, fmt.Errorf("messages were lost on their way: %d came, and the server has sent %s before the next", previous, named)
	}
	if m.Header.Get("Status") == "204" {
		return true, nil
	}
	seq, err := strconv.ParseUint(lastHeader(m, "Nats-Sequence"), 10, 64)
	if err != nil || seq <= r.after {
		return true, fmt.Errorf("sequence %d came after %d (error %v)", seq, r.after, err)
	}
	r.after = seq
	r.page = append(r.page, backplane.Entry{Seq: seq, Data: m.Data})
	r.size += len(m.Data)
	return false, nil
}

// lastHeader is the value that the server has added, behind what the publisher has sent.
func lastHeader(m *natsio.Msg, name string) string {
	values := m.Header[name]
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}
