package server

import (
	"encoding/json"
	"errors"
	"fmt"
	stdlog "log"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/fastsse/fastsse"
	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/delivery"
	"github.com/fastsse/fastsse/internal/eventlog"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
	"github.com/valyala/fasthttp/prefork"
)

// ErrClosed is the error of publishing to a hub that is closed.
var ErrClosed = errors.New("server: the hub is closed")

// Hub has topics, to which events are published, and subscribers, which are open streams
// that get them. Make one with New. Its methods may be called from any goroutine. A hub
// without subscribers has no goroutine and no timer.
type Hub struct {
	// Static after construction.
	cfg   Config
	gap   *cursor.Gap // for streams whose handler has none of its own
	born  time.Time
	relay *relay // nil: the hub is alone

	epochs    epochs
	keys      keys         // of a hub that is alone
	state     atomic.Int32 // a delivery.State
	streams   gauge        // streams that are opening, open, or waiting for OnClose to return
	work      gauge        // goroutines that work for the hub
	hooks     atomic.Int64 // calls of Authorize and OnOpen that are running
	lingering atomic.Int64 // connections of refused clients that wait for these to close
	clients   clients
	opens     opens
	closings  closings
	counters  counters
}

// New makes a hub. For a Config that is not valid it returns an error that says what to
// change.
func New(c Config) (*Hub, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	h := &Hub{cfg: c, gap: &cursor.Gap{Type: c.GapType}, born: time.Now()}
	h.opens.limit(c.MaxOpensPerSecond)
	if c.Backplane != nil {
		if err := h.startRelay(); err != nil {
			return nil, err
		}
		return h, nil
	}
	h.epochs.now.Store(h.newEpoch(eventlog.NewEpoch()))
	if prefork.IsChild() {
		h.logger().Printf("server: this is one of several prefork processes, and they share nothing: an event published here reaches only the streams here. Feed every process from a broker, or serve without prefork")
	}
	return h, nil
}

// host returns all that the delivery of an epoch knows of the hub.
func (h *Hub) host(e *epoch) delivery.Host {
	c := &h.cfg
	return delivery.Host{
		History: e.history,
		Now:     h.now,
		State:   func() delivery.State { return e.state(delivery.State(h.state.Load())) },
		Logger:  h.logger(),
		Limits: delivery.Limits{
			Gap: h.gap, Skip: c.SlowSubscribers == Skip, Retry: c.Retry, Heartbeat: c.Heartbeat, MaxAge: c.MaxAge,
			WriteTimeout: c.WriteTimeout, SendBuffer: c.SendBuffer, NeverPark: c.Delivery == DeliverByGoroutine,
		},
		Ended: h.streamEnded,
		Working: func(more int) {
			if more < 0 {
				h.work.done()
				return
			}
			h.work.Add(1)
		},
	}
}

// is reports whether the hub is in that state.
func (h *Hub) is(s delivery.State) bool { return h.state.Load() == int32(s) }

// now is the hub's clock, in milliseconds.
func (h *Hub) now() int64 { return time.Since(h.born).Milliseconds() }

func (h *Hub) logger() fasthttp.Logger {
	if h.cfg.Logger != nil {
		return h.cfg.Logger
	}
	return stdlog.Default()
}

// Publish appends e to topic and returns its id. It never waits for subscribers, and
// copies e.Data.
//
// The id is "<epoch>-<seq>", unless e has an ID: then that is sent instead, and a client
// can resume from it for as long as the topic holds the event. Use an ID for one event
// only. If two events have the same, in this topic or in another that a client subscribes
// to, and the older one is evicted, the client resumes after the newer one and loses what
// is between them.
//
// In browsers, events of the types "error" and "open" run the page's onerror and onopen, as
// the end and the opening of a stream do: see streamwriter.Event. They are published all the
// same, because there are protocols in which they have a meaning.
//
// If e or topic is not valid, the error wraps a *streamwriter.FieldError that says why,
// and nothing is published. After Close the error is ErrClosed.
func (h *Hub) Publish(topic string, e streamwriter.Event) (id string, err error) {
	id, err = h.publishOne(Message{Topic: topic, Event: e})
	return id, h.counters.publishErrors.count(err)
}

// PublishJSON is Publish with the JSON of v as e's Data, which must be empty. If v cannot
// be encoded, it returns an error and publishes nothing.
func (h *Hub) PublishJSON(topic string, e streamwriter.Event, v any) (id string, err error) {
	if len(e.Data) > 0 {
		err = fmt.Errorf("server: publish JSON to %q: %w", fastsse.Shorten(topic), fastsse.NewFieldError("data", string(e.Data), "is set, and would be replaced", "leave it empty: the JSON becomes the data"))
		return "", h.counters.publishErrors.count(err)
	}
	if e.Data, err = json.Marshal(v); err != nil {
		err = fmt.Errorf("server: publish JSON of %T to %q: %w", v, fastsse.Shorten(topic), err)
		return "", h.counters.publishErrors.count(err)
	}
	return h.Publish(topic, e)
}

// Message is an event and the topic to publish it to.
type Message struct {
	Topic     string
	Event     streamwriter.Event
	Ephemeral bool // sent to the subscribers of the moment, and never replayed

	// Key is an idempotency key: if something was published with the same key within the
	// last two minutes (at whichever hub, if there is a Config.Backplane), nothing is
	// published, and the ids are those of the first time. So it is safe to publish again
	// when it is not known whether the first attempt has arrived. It has at most 128 bytes.
	// Empty means none. PublishAll has one key: that of its first message.
	//
	// A hub that is alone keeps the keys of the last 65,536 events that had one.
	Key string
}

// PublishAll publishes all messages or none, with no other event between them, and
// returns their ids. The error is for the first message that is not valid: see Publish. The
// first message's Key is for all of them; the others have the same, or none. With a
// Config.Backplane there may be 1,000 messages.
func (h *Hub) PublishAll(messages []Message) (ids []string, err error) {
	if len(messages) == 0 {
		return nil, nil
	}
	for i := range messages {
		if err := h.check(&messages[i]); err != nil {
			err = fmt.Errorf("server: publish message %d of %d: %w", i+1, len(messages), err)
			return nil, h.counters.publishErrors.count(err)
		}
	}
	if err := h.checkAll(messages); err != nil {
		return nil, h.counters.publishErrors.count(fmt.Errorf("server: publish %d messages: %w", len(messages), err))
	}
	ids = make([]string, len(messages))
	if err := h.publishKeyed(messages, ids); err != nil {
		return nil, h.counters.publishErrors.count(err)
	}
	return ids, nil
}

// checkAll returns an error if messages cannot be published together.
func (h *Hub) checkAll(messages []Message) error {
	if h.relay != nil && len(messages) > mostMessages {
		return fastsse.NewFieldError("messages", strconv.Itoa(len(messages)), fmt.Sprintf("are more than the %d that a backplane takes at once", mostMessages), "publish them a part at a time")
	}
	_, err := keyOf(messages)
	return err
}

// publishKeyed publishes messages, which were checked, unless their key is known. It sets
// ids.
func (h *Hub) publishKeyed(messages []Message, ids []string) error {
	key := messages[0].Key
	if key == "" || h.relay != nil {
		return h.publish(messages, ids)
	}
	if h.is(delivery.Closed) {
		return ErrClosed
	}
	return h.keys.once(key, ids, h.now(), func() error { return h.publish(messages, ids) })
}

// publishOne checks and publishes one message.
func (h *Hub) publishOne(m Message) (string, error) {
	if err := h.check(&m); err != nil {
		return "", fmt.Errorf("server: publish to %q: %w", fastsse.Shorten(m.Topic), err)
	}
	var ids [1]string
	err := h.publish([]Message{m}, ids[:])
	return ids[0], err
}

// maxTypeBytes is how long the type of an event may be, in bytes.
const maxTypeBytes = 256

// check returns an error if m cannot be published.
func (h *Hub) check(m *Message) error {
	if err := eventlog.CheckTopic(m.Topic); err != nil {
		return err
	}
	if err := m.Event.Validate(); err != nil {
		return err
	}
	if m.Event.ID != "" {
		if err := eventlog.CheckAlias(m.Event.ID, h.current().history.Epoch()); err != nil {
			return err
		}
	}
	if n := len(m.Event.Type); n > maxTypeBytes {
		return fastsse.NewFieldError("type", m.Event.Type, fmt.Sprintf("is longer than %d bytes", maxTypeBytes), "shorten it, or carry the text in data")
	}
	if n := len(m.Event.Data); n > h.cfg.MaxEventBytes {
		return &tooLargeError{fastsse.NewFieldError("data", string(m.Event.Data[:min(n, quoted)]),
			fmt.Sprintf("of %d bytes exceeds Config.MaxEventBytes (%d)", n, h.cfg.MaxEventBytes), "raise it, or send a reference")}
	}
	return nil
}

// quoted is more of an event's data than errors quote.
const quoted = 128

// tooLargeError is a FieldError that is answered with 413.
type tooLargeError struct{ *streamwriter.FieldError }

func (e *tooLargeError) Unwrap() error { return e.FieldError }

// publish appends messages, which were checked, to their logs and notifies the shards
// that have readers of them. It sets ids.
func (h *Hub) publish(messages []Message, ids []string) error {
	if h.is(delivery.Closed) {
		return ErrClosed
	}
	if h.relay != nil {
		return h.relay.append(messages, ids, messages[0].Key)
	}
	e := h.current()
	b := e.history.NewBatch()
	defer b.Recycle()
	for i := range messages {
		m := &messages[i]
		b.Add(m.Topic, &m.Event, m.Ephemeral, 0)
	}
	if err := e.history.Commit(b, h.now()); err != nil {
		return fmt.Errorf("server: publish: %w", err) // unreachable: the hub numbers its events
	}
	for i := range ids {
		ids[i] = b.ID(i)
	}
	for _, t := range b.Changed() {
		e.delivery.Notify(t)
	}
	h.counters.published.Add(int64(len(messages)))
	return nil
}

// LastID returns the id of the newest event of the hub, in whatever topic it is, or the id
// from which a client gets all events if there is none yet. It is always of the form
// "<epoch>-<seq>".
//
// With it a client can get a state first, and then exactly the changes after that state.
// Where the state changes, hold a lock around the change and its Publish. Where the state
// is sent, in an ordinary handler, hold the same lock:
//
//	mu.Lock()
//	state, id := snapshot(), hub.LastID()
//	mu.Unlock()
//
// Send both to the client, which opens its stream with ?lastEventId= and the id, and gets
// the state again when it gets a gap event. Without a lock, call LastID before reading the
// state: the client misses nothing, but may get changes that are in the state already.
func (h *Hub) LastID() string {
	history := h.current().history
	return history.ID(history.Newest())
}

// Subscribers returns how many subscribers have exactly this topic or subtree, possibly
// among others.
func (h *Hub) Subscribers(topic string) int {
	if t := h.current().history.Lookup(topic); t != nil {
		return int(t.Readers.Load())
	}
	return 0
}
