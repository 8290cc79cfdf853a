package server_test

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/fastsse/fastsse/internal/soak"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
)

// posting is an event that was published.
type posting struct {
	seq        uint64
	topic      string
	own        string // the publisher's own id, or empty
	ephemeral  bool
	sum        uint64 // of its data
	size       int
	start, end time.Duration // of the call that published it
}

func (p *posting) String() string {
	s := fmt.Sprintf("event %d of %s (%d bytes, published %v to %v)", p.seq, p.topic, p.size, p.start, p.end)
	if p.own != "" {
		s += " with the id " + p.own
	}
	if p.ephemeral {
		s += ", ephemeral"
	}
	return s
}

// soakLedger is what a round has published. Publishers write into it; it is
// read once they have stopped, and settle was called.
type soakLedger struct {
	epoch     string
	ephemeral func(topic string) bool

	mu       sync.Mutex // guards postings
	postings []*posting

	// Set by settle.
	bySeq     map[uint64]*posting
	byOwn     map[string][]*posting
	byPattern map[string][]*posting // of what was asked for so far, in the order of seq
	starts    []startedBy
}

// startedBy says what the highest sequence is of all calls that had begun at a
// time.
type startedBy struct {
	at  time.Duration
	seq uint64
}

// publish publishes messages and notes them. The first must have no id of its
// own: the sequences of those that have are counted from it.
func (l *soakLedger) publish(hub *server.Hub, clock func() time.Duration, messages []server.Message) error {
	start := clock()
	ids, err := publishVia(hub, messages)
	end := clock()
	if err != nil {
		return err
	}
	first, ok := l.native(ids[0])
	if !ok {
		return fmt.Errorf("the id %q is not of the form %s-<seq>", ids[0], l.epoch)
	}
	noted := make([]*posting, len(messages))
	for i, m := range messages {
		noted[i] = &posting{
			seq: first + uint64(i), topic: m.Topic, own: m.Event.ID,
			ephemeral: m.Ephemeral || l.ephemeral(m.Topic),
			sum:       soak.Sum(m.Event.Data), size: len(m.Event.Data), start: start, end: end,
		}
		if want := l.id(first + uint64(i)); m.Event.ID == "" && ids[i] != want {
			return fmt.Errorf("message %d of a batch got the id %s, want %s: they are on end", i, ids[i], want)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.postings = append(l.postings, noted...)
	return nil
}

// publishVia publishes by the call that fits.
func publishVia(hub *server.Hub, messages []server.Message) (ids []string, err error) {
	if len(messages) > 1 || messages[0].Ephemeral {
		return hub.PublishAll(messages)
	}
	id, err := hub.Publish(messages[0].Topic, messages[0].Event)
	return []string{id}, err
}

func (l *soakLedger) id(seq uint64) string { return l.epoch + "-" + strconv.FormatUint(seq, 10) }

// native reads an id of the hub's own.
func (l *soakLedger) native(id string) (seq uint64, ok bool) {
	n, ok := strings.CutPrefix(id, l.epoch+"-")
	if !ok {
		return 0, false
	}
	seq, err := strconv.ParseUint(n, 10, 64)
	return seq, err == nil
}

// settle makes the ledger ready to be read.
func (l *soakLedger) settle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bySeq = make(map[uint64]*posting, len(l.postings))
	l.byOwn = map[string][]*posting{}
	l.byPattern = map[string][]*posting{}
	l.starts = nil
	sort.Slice(l.postings, func(i, j int) bool { return l.postings[i].start < l.postings[j].start })
	var highest uint64
	for _, p := range l.postings {
		highest = max(highest, p.seq)
		l.starts = append(l.starts, startedBy{p.start, highest})
	}
	sort.Slice(l.postings, func(i, j int) bool { return l.postings[i].seq < l.postings[j].seq })
	for _, p := range l.postings {
		l.bySeq[p.seq] = p
		if p.own != "" {
			l.byOwn[p.own] = append(l.byOwn[p.own], p)
		}
	}
}

// whole says whether every sequence of the hub is in the ledger, which is what
// all else rests on.
func (l *soakLedger) whole() error {
	for i, p := range l.postings {
		if p.seq != uint64(i)+1 {
			return fmt.Errorf("the hub gave the sequence %d where %d was due", p.seq, i+1)
		}
	}
	return nil
}

// head is the highest sequence that the hub can have known of at a time.
func (l *soakLedger) head(at time.Duration) uint64 {
	i := sort.Search(len(l.starts), func(i int) bool { return l.starts[i].at > at })
	if i == 0 {
		return 0
	}
	return l.starts[i-1].seq
}

// between returns the postings that match pattern, beyond from and up to to.
func (l *soakLedger) between(pattern string, from, to uint64) []*posting {
	list, ok := l.byPattern[pattern]
	if !ok {
		for _, p := range l.postings {
			if soak.Matches(pattern, p.topic) {
				list = append(list, p)
			}
		}
		l.byPattern[pattern] = list
	}
	i := sort.Search(len(list), func(i int) bool { return list[i].seq > from })
	j := sort.Search(len(list), func(i int) bool { return list[i].seq > to })
	return list[i:max(i, j)]
}

// soakMessage is an event of n bytes.
func soakMessage(random *rand.Rand, topic string, n int) server.Message {
	return server.Message{Topic: topic, Event: streamwriter.Event{Data: soak.Data(random, n)}}
}
