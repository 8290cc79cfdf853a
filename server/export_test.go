package server

import (
	"net"
	"net/netip"
	"time"

	"github.com/fastsse/fastsse/internal/eventlog"
	"github.com/valyala/fasthttp"
)

// EntryAt is what a publish of messages at that time appends to a backplane.
func EntryAt(at time.Time, messages []Message) []byte { return appendEntry(nil, 0, at, messages) }

// EntryData are the data of the events of an entry.
func EntryData(entry []byte) (data []string, err error) {
	_, messages, err := readEntry(entry, "epoch")
	for i := range messages {
		data = append(data, string(messages[i].Event.Data))
	}
	return data, err
}

// SpendReserve closes the descriptor that a listener of Listen keeps in reserve.
func SpendReserve(ln net.Listener) {
	l := ln.(*listener)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spendReserve()
}

// HasReserve reports whether a listener of Listen keeps a descriptor in reserve.
func HasReserve(ln net.Listener) bool { return ln.(*listener).reserve.Load() != nil }

// TopicsHeld is how many topics and subtrees are in the registry.
func (h *Hub) TopicsHeld() int {
	return h.current().history.Held()
}

// ShardsRunning is how many shards have a goroutine.
func (h *Hub) ShardsRunning() int { return h.current().delivery.Running() }

// Held is a topic that somebody refers to, as a stream does.
type Held struct {
	hub   *Hub
	topic *eventlog.Topic
}

// Hold refers to a topic without subscribing to it.
func (h *Hub) Hold(name string) Held { return Held{h, h.current().history.Acquire([]string{name})[0]} }

// Release undoes Hold.
func (h Held) Release() { h.hub.current().history.Release([]*eventlog.Topic{h.topic}) }

// Empty reports whether nothing is left that a reader could see.
func (h Held) Empty() bool { return h.topic.Empty() }

// HasForgotten reports whether a stream that has not seen the event with that id
// would be told of a loss.
func (h Held) HasForgotten(id string) bool {
	_, seq, _ := eventlog.ParseID(id)
	return h.topic.LostSince(seq, seq) >= seq
}

// ClientsCounted is how many addresses have streams that are counted, and how many streams
// these are.
func (h *Hub) ClientsCounted() (addresses, streams int) {
	h.clients.mu.Lock()
	defer h.clients.mu.Unlock()
	for _, n := range h.clients.streams {
		streams += n
	}
	return len(h.clients.streams), streams
}

// ClientOf is the address that a request's streams are counted by.
func (h *Hub) ClientOf(ctx *fasthttp.RequestCtx) netip.Addr { return h.client(ctx) }

// NewOpens returns the method take of a limit of so many streams per second.
func NewOpens(perSecond int) (take func(now time.Duration) bool) {
	o := new(opens)
	o.limit(perSecond)
	return o.take
}

// RefusalNames are the names of all refusals of a hub that is alone.
func RefusalNames() []string { return refusalNames[noRefusal+1 : refusedBackplane] }

// PublishErrorNames are the names of all kinds of errors in publishing to a hub that is alone.
func PublishErrorNames() []string { return publishErrorNames[:publishBackplane] }

// FillClient gives a client all the streams that it may have, until undo is called.
func (h *Hub) FillClient(addr netip.Addr) (undo func()) {
	n := 0
	for h.clients.enter(addr, h.cfg.MaxSubscribersPerIP) {
		n++
	}
	return func() {
		for range n {
			h.clients.leave(addr)
		}
	}
}
