package delivery

import (
	"hash/maphash"
	"slices"

	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/eventlog"
)

// The feeds of a shard. A feed is found by its topics, framing and gap event (byKey), and by each of
// its topics (byTopic). It is made for its first reader and dropped with its last. Making
// or dropping one takes time in proportion to its own topics, however many other feeds
// have the same topics.

// readers are the streams of one feed.
type readers struct {
	key    uint64
	next   int32  // the next feed with the same key; noFeed: there is none
	made   uint32 // number of the feed: indexes are used again
	slots  []int32
	names  []string // of its topics; nil until they are needed
	places []int32  // for each of its topics, where the feed is in byTopic
	queued bool     // there is a job for the feed
	again  bool     // and its topics got new events while it ran
}

// feedRef is a feed in the list of one of its topics (loop.byTopic).
type feedRef struct {
	feed  int32
	which int32 // index of the topic in the feed's
}

const noFeed = -1

var feedSeed = maphash.MakeSeed()

// feedKey is a hash of topics, in the order of their names, a framing and a gap event. Feeds keep
// their topics acquired, so that a name is the same *Topic for as long as the feed lives.
func feedKey(topics []*eventlog.Topic, fr cursor.Framing, gap *cursor.Gap) uint64 {
	var h maphash.Hash
	h.SetSeed(feedSeed)
	_ = h.WriteByte(byte(fr)) // it never fails
	if gap != nil {           // what it says, not which it is: a handler may be made for each request
		maphash.WriteComparable(&h, *gap)
	}
	for _, t := range topics {
		maphash.WriteComparable(&h, t)
	}
	return h.Sum64()
}

// feed finds or makes the feed for these topics, framing and gap event, and returns its index. It
// takes over the caller's references to the topics.
func (s *shard) feed(topics []*eventlog.Topic, fr cursor.Framing, gap *cursor.Gap) int32 {
	return s.feedAt(feedKey(topics, fr, gap), topics, fr, gap)
}

// feedAt is feed with a given key.
func (s *shard) feedAt(key uint64, topics []*eventlog.Topic, fr cursor.Framing, gap *cursor.Gap) int32 {
	first, found := s.byKey[key]
	if !found {
		first = noFeed
	}
	for f := first; f != noFeed; f = s.readers[f].next {
		if g := s.machine.Feeds[f]; g.Framing == fr && g.Gap.Same(gap) && slices.Equal(g.Topics, topics) {
			s.host.History.Release(topics) // the feed has its own references
			return f
		}
	}
	f := s.freeFeed()
	s.machine.Feeds[f] = cursor.NewFeed(topics, fr, s.machine.Workspace())
	s.machine.Feeds[f].Gap = gap
	s.made++
	s.readers[f] = readers{key: key, next: first, made: s.made, places: make([]int32, len(topics))}
	setLazy(&s.byKey, key, f)
	for which, t := range topics {
		s.readers[f].places[which] = int32(len(s.byTopic[t]))
		setLazy(&s.byTopic, t, append(s.byTopic[t], feedRef{f, int32(which)}))
		t.Shards.Or(s.bit())
	}
	return f
}

// names returns the names of a feed's topics. All its streams share the slice.
func (s *shard) names(f int32) []string {
	r := &s.readers[f]
	if r.names == nil {
		r.names = eventlog.Names(s.machine.Feeds[f].Topics)
	}
	return r.names
}

// freeFeed returns an unused index for a feed.
func (s *shard) freeFeed() int32 {
	if n := len(s.spare); n > 0 {
		f := s.spare[n-1]
		s.spare = s.spare[:n-1]
		return f
	}
	s.machine.Feeds = append(s.machine.Feeds, nil)
	s.readers = append(s.readers, readers{})
	return int32(len(s.readers) - 1)
}

// dropFeed drops a feed without readers, and releases its topics.
func (s *shard) dropFeed(f int32) {
	topics, r := s.machine.Feeds[f].Topics, s.readers[f]
	s.unchain(f, r.key)
	for which, t := range topics {
		s.dropPlace(t, r.places[which])
	}
	s.machine.Feeds[f] = nil
	s.readers[f] = readers{}
	s.spare = append(s.spare, f)
	s.host.History.Release(topics)
}

// unchain removes a feed from the list of those with the same key.
func (s *shard) unchain(f int32, key uint64) {
	next := s.readers[f].next
	if first := s.byKey[key]; first != f {
		for s.readers[first].next != f {
			first = s.readers[first].next
		}
		s.readers[first].next = next
		return
	}
	if next == noFeed {
		delete(s.byKey, key)
		return
	}
	s.byKey[key] = next
}

// dropPlace removes the feed at index place from the list of one of its topics, and moves
// the last feed of the list there.
func (s *shard) dropPlace(t *eventlog.Topic, place int32) {
	feeds := s.byTopic[t]
	last := feeds[len(feeds)-1]
	feeds[place] = last
	s.readers[last.feed].places[last.which] = place
	if feeds = feeds[:len(feeds)-1]; len(feeds) > 0 {
		s.byTopic[t] = feeds
		return
	}
	delete(s.byTopic, t)
	t.Shards.And(^s.bit())
}

// leaveFeed removes a stream from its feed's readers, and drops the feed if it was the
// last.
func (s *shard) leaveFeed(st *slot) {
	f := st.Feed
	r := &s.readers[f]
	for _, t := range s.machine.Feeds[f].Topics {
		t.Readers.Add(-1)
	}
	last := r.slots[len(r.slots)-1]
	r.slots[st.pos] = last
	s.slots.at(last).pos = st.pos
	r.slots = r.slots[:len(r.slots)-1]
	if len(r.slots) == 0 {
		s.dropFeed(f)
	}
}
