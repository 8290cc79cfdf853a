package delivery

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/fastsse/fastsse/internal/cursor"
)

// Streams come and go in any order, and the shard finds each one's feed by its
// topics, and by each of them, also where different topics have the same hash.
func TestFeedsAreFoundByTheirTopics(t *testing.T) {
	for _, collide := range []bool{false, true} {
		t.Run(fmt.Sprintf("collide=%v", collide), func(t *testing.T) {
			s := newSinks(t, Limits{})
			random := rand.New(rand.NewPCG(1, 2))
			var open [][]string // their topics, by feed
			for range 3000 {
				if len(open) > 0 && random.IntN(5) < 2 {
					f := random.IntN(len(open))
					if open[f] != nil {
						s.dropFeed(int32(f))
						open[f] = nil
					}
				} else {
					names := []string{fmt.Sprint("t", random.IntN(4)), fmt.Sprint("u", random.IntN(30))}
					topics, fr := s.host.History.Acquire(names), cursor.Framing(random.IntN(2))
					gap := []*cursor.Gap{nil, {Comment: true}, {Type: "t"}}[random.IntN(3)]
					key := feedKey(topics, fr, gap)
					if collide {
						key = 0
					}
					f := int(s.feedAt(key, topics, fr, gap))
					for len(open) <= f {
						open = append(open, nil)
					}
					want := append(names, fmt.Sprint(fr, gap))
					if open[f] != nil && !slices.Equal(open[f], want) {
						t.Fatalf("feed %d of %v is given to %v", f, open[f], want)
					}
					open[f] = want
				}
				checkFeeds(t, s.shard, open)
			}
			for f := range open {
				if open[f] != nil {
					s.dropFeed(int32(f))
				}
			}
			if len(s.byKey)+len(s.byTopic)+s.host.History.Held() > 0 {
				t.Errorf("left are %d keys, %d topics of feeds, %d topics", len(s.byKey), len(s.byTopic), s.host.History.Held())
			}
		})
	}
}

// Streams whose gap events say the same share a feed, also if a handler is made for each of
// their requests.
func TestFeedsAreSharedByWhatTheirGapEventsSay(t *testing.T) {
	s := newSinks(t, Limits{})
	feeds := map[int32]bool{}
	for range 10 {
		for _, gap := range []*cursor.Gap{nil, {Comment: true}, {Type: "t", Data: "d"}} {
			feeds[s.feed(s.host.History.Acquire([]string{"a"}), cursor.Chunked, gap)] = true
		}
	}
	if len(feeds) != 3 {
		t.Errorf("%d feeds, want 3", len(feeds))
	}
}

// checkFeeds checks that the feeds which are open are in the lists of their
// topics, and nothing else is.
func checkFeeds(t *testing.T, s *shard, open [][]string) {
	t.Helper()
	want := 0
	for f := range open {
		if open[f] == nil {
			continue
		}
		for which, topic := range s.machine.Feeds[f].Topics {
			want++
			if got := s.byTopic[topic][s.readers[f].places[which]]; got != (feedRef{int32(f), int32(which)}) {
				t.Fatalf("at the place of feed %d in %q is %v", f, topic.Name, got)
			}
		}
	}
	got := 0
	for topic, feeds := range s.byTopic {
		got += len(feeds)
		if topic.Shards.Load() == 0 {
			t.Fatalf("%q has feeds, and its news wake nobody", topic.Name)
		}
	}
	if got != want {
		t.Fatalf("%d entries in the lists of topics, want %d", got, want)
	}
}
