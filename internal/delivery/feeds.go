package delivery

import (
	"hash/maphash"
	"slices"

	"github.com/fastsse/fastsse/internal/cursor"
	"github.com/fastsse/fastsse/internal/eventlog"
)

// The feeds of a shard: found by their topics and framing, and by each of their
// topics; made for their first reader and dropped with their last. To make or to
// drop one takes as long as it has topics, however many others share these.

// readers are the streams of one feed.
type readers struct {
	key    uint64
	next   int32  // the next feed with the same key; noFeed: there is none
	made   uint32 // tells feeds with the same index apart
	slots  []int32
	names  []string // of its topics, once somebody has asked
	places []int32  // for each of its topics, where the feed is in byTopic
	queued bool     // there is a job for the feed
	again  bool     // and news came while it was under way
}

// feedRef is a feed in the list of one of its topics.
type feedRef struct {
	feed  int32
	which int32 // of the feed's topics it is this one
}

const noFeed = -1

var feedSeed = maphash.MakeSeed()

// feedKey is a hash of topics, in the order of their names, and a framing. Feeds
// refer to their topics, so that a name is one topic for as long as they live.
func feedKey(topics []*eventlog.Topic, fr cursor.Framing) uint64 {
	var h maphash.Hash
	h.SetSeed(feedSeed)
	_ = h.WriteByte(byte(fr)) // it never fails
	for _, t := range topics {
		maphash.WriteComparable(&h, t)
	}
	return h.Sum64()
}

// feed finds or makes the feed for topics with that framing.
func (s *shard) feed(topics []*eventlog.Topic, fr cursor.Framing) int32 {
	return s.feedAt(feedKey(topics, fr), topics, fr)
}

// feedAt is feed with the key given.
func (s *shard) feedAt(key uint64, topics []*eventlog.Topic, fr cursor.Framing) int32 {
	first, found := s.byKey[key]
	if !found {
		first = noFeed
	}
	for f := first; f != noFeed; f = s.readers[f].next {
		if g := s.machine.Feeds[f]; g.Framing == fr && slices.Equal(g.Topics, topics) {
			s.host.History.Release(topics) // the feed has its own references
			return f
		}
	}
	f := s.freeFeed()
	s.machine.Feeds[f] = cursor.NewFeed(topics, fr, s.machine.Workspace())
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

// names are those of a feed's topics. All its streams share the slice.
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

// dropFeed forgets a feed without readers.
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

// unchain takes a feed out of those with its key.
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

// dropPlace takes a feed off the list of one of its topics: the last one of the
// list gets its place.
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

// leaveFeed takes a stream off its feed's readers.
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
