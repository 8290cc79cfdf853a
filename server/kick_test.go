package server_test

import (
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// byQuery lets a request say which user it is.
func byQuery(users map[string]any) func(*fasthttp.RequestCtx, *server.Subscription) error {
	return func(ctx *fasthttp.RequestCtx, s *server.Subscription) error {
		s.User = users[string(ctx.QueryArgs().Peek("user"))]
		return nil
	}
}

func TestKickUserEndsTheStreamsOfThatUserAlone(t *testing.T) {
	t.Parallel()
	type account struct {
		tenant string
		id     int
	}
	users := map[string]any{
		"ann": "ann", "bob": "bob", "seven": 7, "account": account{"x", 7}, "other": account{"x", 8},
		"pointer": &account{"x", 7}, "list": []string{"ann"}, "nobody": nil,
	}
	overWays(t, func(t *testing.T, v venue) {
		r := newRig(t, v, rigging{subscribe: server.SubscribeOptions{Authorize: byQuery(users)}})
		open := map[string][]*client{}
		for user := range users {
			for range 3 {
				open[user] = append(open[user], r.openWith(request{topics: []string{"a", "of/" + user}, query: "user=" + user}))
			}
		}
		kicked := int64(0)
		for _, user := range []string{"ann", "seven", "account", "pointer"} {
			r.hub.KickUser(users[user])
			for _, c := range open[user] {
				c.ends()
			}
			delete(open, user)
			kicked += 3
			r.ended(server.ReasonKicked, kicked)
		}
		for _, user := range []any{"nobody", "an", nil, int64(7), account{"y", 7}, &account{"x", 7}, []string{"ann"}} {
			r.hub.KickUser(user)
		}
		if !r.log.has("[]string") || !r.log.has("<nil>") {
			t.Error("users that cannot be looked for are not logged")
		}
		r.publish("a", "1")
		for _, clients := range open {
			for _, c := range clients {
				c.expect("1")
			}
		}
		if n := r.hub.Stats().Ended["kicked"]; n != kicked {
			t.Errorf("%d streams were kicked, want %d", n, kicked)
		}
		r.hub.Kick(func(s server.Subscriber) bool {
			list, ok := s.User.([]string)
			return ok && list[0] == "ann"
		})
		r.ended(server.ReasonKicked, kicked+3)
	})
}

func TestKickTopicEndsTheStreamsOfThatTopicAlone(t *testing.T) {
	t.Parallel()
	overVenues(t, func(t *testing.T, v venue) {
		r := newRig(t, v, rigging{config: server.Config{Retry: 100 * time.Millisecond}})
		gone := []*client{r.open("x/a"), r.open("x/a"), r.open("b", "x/a"), r.open("x/*", "x/a")}
		left := []*client{r.open("x/b"), r.open("x/*"), r.open("x/a/a")}
		r.hub.KickTopic("x/a")
		for _, c := range gone {
			c.expectRetry(100*time.Millisecond, c.ends)
		}
		r.ended(server.ReasonKicked, 4)
		r.hub.KickTopic("nobody")
		r.publish("x/b", "1")
		r.publish("x/a/a", "2")
		left[0].expect("1")
		left[1].expect("1", "2")
		left[2].expect("2")
		r.hub.KickTopic("x/*")
		left[1].ends()
		r.ended(server.ReasonKicked, 5)
		r.streams(2)
	})
}

// A stream that was let in before a kick does not slip through because it is
// seated after it.
func TestKickReachesStreamsThatAreOpening(t *testing.T) {
	t.Parallel()
	kicks := map[string]func(*server.Hub){
		"Kick":      func(h *server.Hub) { h.Kick(func(s server.Subscriber) bool { return s.User == "ann" }) },
		"KickUser":  func(h *server.Hub) { h.KickUser("ann") },
		"KickTopic": func(h *server.Hub) { h.KickTopic("a") },
	}
	overWays(t, func(t *testing.T, v venue) {
		for name, kick := range kicks {
			for _, where := range []string{"authorize", "open"} {
				t.Run(name+" in "+where, func(t *testing.T) {
					in, goOn := make(chan struct{}), make(chan struct{})
					stop := atomic.Bool{}
					stop.Store(true)
					hook := func(now string) {
						if now == where && stop.Load() {
							in <- struct{}{}
							<-goOn
						}
					}
					r := newRig(t, v, rigging{subscribe: server.SubscribeOptions{
						Authorize: func(_ *fasthttp.RequestCtx, s *server.Subscription) error {
							s.User = "ann"
							hook("authorize")
							return nil
						},
						OnOpen: func(server.Subscriber, *streamwriter.Writer) error { hook("open"); return nil },
					}})
					ended := make(chan struct{})
					go func() {
						defer close(ended)
						if c, err := r.try(request{topics: []string{"a", "b"}}); err == nil {
							c.rest()
						}
					}()
					within(t, "the hook is called", func() { <-in })
					stop.Store(false)
					kick(r.hub)
					later := r.open("a") // was let in after the kick
					for range 20 {
						r.hub.KickTopic("another") // and forgets nothing by it
					}
					close(goOn)
					r.ended(server.ReasonKicked, 1)
					within(t, "the stream ends", func() { <-ended })
					r.publish("a", "1")
					later.expect("1")
					r.streams(1)
				})
			}
		}
	})
}

func TestKickSparesStreamsThatComeAfterIt(t *testing.T) {
	t.Parallel()
	overVenues(t, func(t *testing.T, v venue) {
		r := newRig(t, v, rigging{config: server.Config{Shards: 2}})
		for range 50 {
			r.open("a")
			r.hub.Kick(func(server.Subscriber) bool { return true })
			c := r.open("a", "b")
			r.publish("b", "1")
			c.expect("1")
			r.hub.KickTopic("b")
			c.ends()
			c = r.open("b")
			r.publish("b", "2")
			c.expect("2")
		}
		r.streams(1) // each Kick has ended the last one of the round before
		r.ended(server.ReasonKicked, 149)
	})
}

func TestAPanicInKicksPredicateIsSurvived(t *testing.T) {
	t.Parallel()
	overWays(t, func(t *testing.T, v venue) {
		r := newRig(t, v, rigging{})
		a, b := r.open("a"), r.open("b")
		r.hub.Kick(func(s server.Subscriber) bool {
			if s.Topics[0] == "a" {
				panic("oh dear")
			}
			return true
		})
		b.ends()
		eventually(t, "it is logged", func() bool { return r.log.has("oh dear") })
		r.publish("a", "1")
		a.expect("1")
	})
}

// The address is looked up for those who ask; whoever keeps a Subscriber does not
// get the address of another stream from it.
func TestAnAddressIsKnownWhileItsStreamIsAskedAbout(t *testing.T) {
	t.Parallel()
	overWays(t, func(t *testing.T, v venue) {
		r := newRig(t, v, rigging{config: server.Config{Shards: 1}})
		var want []string
		for range 5 {
			want = append(want, r.open("a").conn.LocalAddr().String())
		}
		asked := make(chan server.Subscriber, 10)
		var got []string
		r.hub.Kick(func(s server.Subscriber) bool {
			got = append(got, s.RemoteAddr()) // there is one shard
			asked <- s
			return false
		})
		for range 5 {
			s := <-asked
			eventually(t, "the address is forgotten", func() bool { return s.RemoteAddr() == "" })
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestKicksAreForgotten(t *testing.T) {
	t.Parallel()
	overVenues(t, func(t *testing.T, v venue) {
		r := newRig(t, v, rigging{})
		var forgotten atomic.Int64
		const kicks = 100
		for range kicks / 10 {
			r.open("a") // each stays, and began before some of the kicks
			for range 10 {
				kept := new([64]byte)
				runtime.AddCleanup(kept, func(int) { forgotten.Add(1) }, 0)
				r.hub.Kick(func(server.Subscriber) bool { return kept[0] != 0 })
			}
		}
		r.streams(kicks / 10)
		eventually(t, "the kicks are forgotten", func() bool {
			runtime.GC()
			return forgotten.Load() >= kicks-1
		})
	})
}
