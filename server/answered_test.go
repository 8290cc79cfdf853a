package server_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/backplane"
	"github.com/fastsse/fastsse/server/backplane/backplanetest"
	"github.com/fastsse/fastsse/streamwriter"
)

// A publish is answered with the ids of its own events, or with an error.

// onJournal makes a hub on a handle.
func onJournal(t *testing.T, b backplane.Backplane, timeout time.Duration) *harness {
	t.Helper()
	return newHarness(t, parkedTCP, setup{config: server.Config{Backplane: b, PublishTimeout: timeout}})
}

// three are messages that are published together.
func three(key, data string) (messages []server.Message) {
	for i := range 3 {
		messages = append(messages, server.Message{Topic: "a", Event: streamwriter.Event{Data: fmt.Append(nil, data, " ", i)}})
	}
	messages[0].Key = key
	return messages
}

// publishes publishes three messages, and checks the answer. It reports whether it was one.
func (j *journal) publishes(t *testing.T, h *harness, key, data string) bool {
	t.Helper()
	ids, err := h.hub.PublishAll(three(key, data))
	if err != nil {
		if !errors.Is(err, server.ErrUnknown) && !errors.Is(err, backplane.ErrRefused) {
			t.Error(err)
		}
		return false
	}
	for i, id := range ids {
		if err := j.names(id, fmt.Sprint(data, " ", i)); err != nil {
			t.Error(err)
		}
	}
	return true
}

// The hub has read entries of the old stream, and delivers them when it has published to the
// new one.
func TestOldEntriesThatComeAfterAPublishToTheNewStream(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", "key"} {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprint("key ", key, ", delivered late ", late), func(t *testing.T) {
				t.Parallel()
				j := newJournal()
				held, free := j.open(), j.open()
				h, other := onJournal(t, held, 0), onJournal(t, free, 0)
				release := held.hold()
				for i := range 5 {
					j.publishes(t, other, "", fmt.Sprint("old ", i))
				}
				testkit.Eventually(t, "the old entries are read", func() bool { return held.read.Load() == 5 })
				begin := h.hub.LastID()
				j.renew()
				held.whenStored(func() {
					if !late {
						release()
						testkit.Eventually(t, "the hub has the old entries", func() bool { return h.hub.LastID() != begin })
					} else {
						time.AfterFunc(10*time.Millisecond, release)
					}
				})
				if !j.publishes(t, h, key, "new") {
					t.Error("the publish has failed")
				}
			})
		}
	}
}

// A Tail may take 10 seconds to notice that the stream was made anew: a publish that has
// seen it makes the hub look.
func TestAPublishMakesTheHubLookAtTheNewStream(t *testing.T) {
	t.Parallel()
	j := newJournal()
	b := j.open()
	h := onJournal(t, b, time.Minute)
	j.publishes(t, h, "", "old")
	b.setDeaf(true)
	j.renew()
	if !j.publishes(t, h, "", "new") {
		t.Error("the publish has failed")
	}
	b.setDeaf(false)
}

// The hub cannot read the broker when it has published, but has read up to there in the old
// stream, or not.
func TestAPublishByAHubThatCannotReadTheBroker(t *testing.T) {
	t.Parallel()
	for _, entries := range []int{0, 5} {
		for _, renewed := range []bool{false, true} {
			for _, mended := range []bool{false, true} {
				t.Run(fmt.Sprint(entries, " entries before, made anew ", renewed, ", mended ", mended), func(t *testing.T) {
					t.Parallel()
					j := newJournal()
					b := j.open()
					h := onJournal(t, b, 2*time.Second)
					for i := range entries {
						j.publishes(t, h, "", fmt.Sprint("old ", i))
					}
					if renewed {
						j.renew()
					}
					release := b.hold() // so that the entry is not read before
					b.whenStored(func() {
						b.Set(backplanetest.Faults{Unreachable: true})
						if mended {
							time.AfterFunc(100*time.Millisecond, func() { b.Set(backplanetest.Faults{}) })
						}
						release()
					})
					if ok := j.publishes(t, h, "", "new"); mended && !ok {
						t.Error("the publish has failed")
					} else if !mended && renewed && ok {
						t.Error("the hub cannot know the id, and yet has answered with it")
					}
				})
			}
		}
	}
}

// An entry that was stored before with the key has the mark of another publish.
func TestAKeyThatIsRepeatedAfterTheStreamWasMadeAnew(t *testing.T) {
	t.Parallel()
	for _, entries := range []int{0, 1, 5} { // of the old stream, after which the other hub repeats it
		for _, held := range []bool{false, true} {
			t.Run(fmt.Sprint(entries, " entries, held ", held), func(t *testing.T) {
				t.Parallel()
				j := newJournal()
				b, free := j.open(), j.open()
				h, other := onJournal(t, b, 0), onJournal(t, free, 0)
				release := func() {}
				if held {
					release = b.hold()
				}
				j.publishes(t, other, "k", "keyed")
				for i := range entries {
					j.publishes(t, other, "", fmt.Sprint("old ", i))
				}
				if held {
					testkit.Eventually(t, "the old entries are read", func() bool { return b.read.Load() == uint64(1+entries) })
				}
				j.renew()
				was := other.hub.LastID()
				testkit.Eventually(t, "the other hub goes on", func() bool { return j.publishes(t, other, "", "new") && other.hub.LastID() != was })
				testkit.Eventually(t, "it is stored again", func() bool { return j.publishes(t, other, "k", "keyed") })
				b.whenStored(func() { time.AfterFunc(5*time.Millisecond, release) })
				testkit.Eventually(t, "it is answered", func() bool { return j.publishes(t, h, "k", "keyed") })
			})
		}
	}
}

// The key was given to another hub, whose entry this one has not read yet.
func TestAKeyWhoseEntryTheHubHasNotReadYet(t *testing.T) {
	t.Parallel()
	j := newJournal()
	b, free := j.open(), j.open()
	h, other := onJournal(t, b, 0), onJournal(t, free, 0)
	release := b.hold()
	j.publishes(t, other, "k", "keyed")
	b.whenStored(func() { time.AfterFunc(20*time.Millisecond, release) })
	if !j.publishes(t, h, "k", "keyed") || h.hub.LastID() != other.hub.LastID() {
		t.Errorf("the publish has failed, or was answered before the hub has %s", other.hub.LastID())
	}
}

// The broker is made anew all the time, drops entries, and cannot be reached; publishers at
// two hubs publish everything twice, half of it with keys.
func TestNoAnswerIsWrongWhileTheStreamIsMadeAnew(t *testing.T) {
	t.Parallel()
	j := newJournal()
	var hubs []*harness
	var handles []*journalHandle
	for range 2 {
		b := j.open()
		b.delay = 3 * time.Millisecond
		handles = append(handles, b)
		hubs = append(hubs, onJournal(t, b, 200*time.Millisecond))
	}
	const renewals = 150
	var over atomic.Bool
	var answered, failed atomic.Int64
	var wg sync.WaitGroup
	for p := range 8 {
		wg.Go(func() {
			for i := 0; !over.Load(); i++ {
				data, key := fmt.Sprint(p, " ", i), ""
				if i%2 == 0 {
					key = data
				}
				for n := range 2 {
					if j.publishes(t, hubs[(p+n)%2], key, data) {
						answered.Add(1)
					} else {
						failed.Add(1)
						time.Sleep(time.Millisecond)
					}
				}
			}
		})
	}
	for range renewals {
		time.Sleep(rand.N(time.Duration(1+rand.IntN(100)) * time.Millisecond))
		switch rand.IntN(8) {
		case 0:
			j.memory.Drop(rand.IntN(3))
		case 1:
			handles[rand.IntN(2)].Set(backplanetest.Faults{Unreachable: true})
		case 2:
			handles[rand.IntN(2)].Set(backplanetest.Faults{LoseAcks: true})
		default:
			handles[rand.IntN(2)].Set(backplanetest.Faults{})
		}
		j.renew()
	}
	over.Store(true)
	testkit.Within(t, "all publishers have an answer", wg.Wait)
	t.Logf("%d answers, %d errors", answered.Load(), failed.Load())
	if answered.Load() == 0 || failed.Load() == 0 {
		t.Errorf("%d publishes were answered, and %d failed; want both", answered.Load(), failed.Load())
	}
	for i, h := range hubs {
		handles[i].Set(backplanetest.Faults{})
		testkit.Eventually(t, "the hub publishes", func() bool { return j.publishes(t, h, "", fmt.Sprint("last ", i)) })
	}
}
