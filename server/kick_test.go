package server_test

import (
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
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
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{subscribe: server.SubscribeOptions{Authorize: byQuery(users)}})
		open := map[string][]*client{}
		for user := range users {
			for range 3 {
				open[user] = append(open[user], h.openWith(request{topics: []string{"a", "of/" + user}, query: "user=" + user}))
			}
		}
		kicked := int64(0)
		for _, user := range []string{"ann", "seven", "account", "pointer"} {
			h.hub.KickUser(users[user])
			for _, c := range open[user] {
				c.ends()
			}
			delete(open, user)
			kicked += 3
			h.ended(server.ReasonKicked, kicked)
		}
		for _, user := range []any{"nobody", "an", nil, int64(7), account{"y", 7}, &account{"x", 7}, []string{"ann"}} {
			h.hub.KickUser(user)
		}
		if !h.log.has("[]string") || !h.log.has("<nil>") {
			t.Error("users that cannot be looked for are not logged")
		}
		h.publish("a", "1")
		for _, clients := range open {
			for _, c := range clients {
				c.expect("1")
			}
		}
		if n := h.hub.Stats().Ended["kicked"]; n != kicked {
			t.Errorf("%d streams were kicked, want %d", n, kicked)
		}
		h.hub.Kick(func(s server.Subscriber) bool {
			list, ok := s.User.([]string)
			return ok && list[0] == "ann"
		})
		h.ended(server.ReasonKicked, kicked+3)
	})
}

func TestKickTopicEndsTheStreamsOfThatTopicAlone(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{Retry: 100 * time.Millisecond}})
		gone := []*client{h.open("x/a"), h.open("x/a"), h.open("b", "x/a"), h.open("x/*", "x/a")}
		left := []*client{h.open("x/b"), h.open("x/*"), h.open("x/a/a")}
		h.hub.KickTopic("x/a")
		for _, c := range gone {
			c.expectRetry(100*time.Millisecond, c.ends)
		}
		h.ended(server.ReasonKicked, 4)
		h.hub.KickTopic("nobody")
		h.publish("x/b", "1")
		h.publish("x/a/a", "2")
		left[0].expect("1")
		left[1].expect("1", "2")
		left[2].expect("2")
		h.hub.KickTopic("x/*")
		left[1].ends()
		h.ended(server.ReasonKicked, 5)
		h.streams(2)
	})
}

// A stream that was let in before a kick does not slip through because it is
// given its slot after it.
func TestKickReachesStreamsThatAreOpening(t *testing.T) {
	t.Parallel()
	kicks := map[string]func(*server.Hub){
		"Kick":      func(h *server.Hub) { h.Kick(func(s server.Subscriber) bool { return s.User == "ann" }) },
		"KickUser":  func(h *server.Hub) { h.KickUser("ann") },
		"KickTopic": func(h *server.Hub) { h.KickTopic("a") },
	}
	twoWays(t, func(t *testing.T, kind connKind) {
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
					h := newHarness(t, kind, setup{subscribe: server.SubscribeOptions{
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
						if c, err := h.try(request{topics: []string{"a", "b"}}); err == nil {
							c.rest()
						}
					}()
					testkit.Within(t, "the hook is called", func() { <-in })
					stop.Store(false)
					kick(h.hub)
					later := h.open("a") // was let in after the kick
					for range 20 {
						h.hub.KickTopic("another") // and forgets nothing by it
					}
					close(goOn)
					h.ended(server.ReasonKicked, 1)
					testkit.Within(t, "the stream ends", func() { <-ended })
					h.publish("a", "1")
					later.expect("1")
					h.streams(1)
				})
			}
		}
	})
}

func TestKickSparesStreamsThatComeAfterIt(t *testing.T) {
	t.Parallel()
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{Shards: 2}})
		for range 50 {
			h.open("a")
			h.hub.Kick(func(server.Subscriber) bool { return true })
			c := h.open("a", "b")
			h.publish("b", "1")
			c.expect("1")
			h.hub.KickTopic("b")
			c.ends()
			c = h.open("b")
			h.publish("b", "2")
			c.expect("2")
		}
		h.streams(1) // each Kick has ended the last one of the round before
		h.ended(server.ReasonKicked, 149)
	})
}

func TestAPanicInKicksPredicateIsSurvived(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{})
		a, b := h.open("a"), h.open("b")
		h.hub.Kick(func(s server.Subscriber) bool {
			if s.Topics[0] == "a" {
				panic("oh dear")
			}
			return true
		})
		b.ends()
		testkit.Eventually(t, "it is logged", func() bool { return h.log.has("oh dear") })
		h.publish("a", "1")
		a.expect("1")
	})
}

// The address is looked up for those who ask; whoever keeps a Subscriber does not
// get the address of another stream from it.
func TestAnAddressIsKnownWhileItsStreamIsAskedAbout(t *testing.T) {
	t.Parallel()
	twoWays(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{config: server.Config{Shards: 1}})
		var want []string
		for range 5 {
			want = append(want, h.open("a").conn.LocalAddr().String())
		}
		type asked struct {
			of   server.Subscriber
			addr string
		}
		all := make(chan asked, 10)
		h.hub.Kick(func(s server.Subscriber) bool {
			all <- asked{s, s.RemoteAddr()}
			return false
		})
		var got []string
		for len(got) < len(want) {
			a := <-all
			testkit.Eventually(t, "the address is forgotten", func() bool { return a.of.RemoteAddr() == "" })
			if !slices.Contains(got, a.addr) { // a stream that is opening is asked about twice
				got = append(got, a.addr)
			}
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
	allConns(t, func(t *testing.T, kind connKind) {
		h := newHarness(t, kind, setup{})
		var forgotten atomic.Int64
		const kicks = 100
		for range kicks / 10 {
			h.open("a") // each stays, and began before some of the kicks
			for range 10 {
				kept := new([64]byte)
				runtime.AddCleanup(kept, func(int) { forgotten.Add(1) }, 0)
				h.hub.Kick(func(server.Subscriber) bool { return kept[0] != 0 })
			}
		}
		h.streams(kicks / 10)
		testkit.Eventually(t, "the kicks are forgotten", func() bool {
			runtime.GC()
			return forgotten.Load() >= kicks-1
		})
	})
}
