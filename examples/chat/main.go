// Command chat has rooms: one speaks by POST, and everybody who is there hears it, and sees
// who else is.
//
//	go run ./examples/chat
//	curl -N 'http://localhost:8080/events?topic=rooms/lobby&name=Ada'
//	curl -d name=Ada -d text=Hello http://localhost:8080/rooms/lobby
//
// A room is a topic. GET /rooms/lobby is what was said there, with the id of the last
// message in it: a stream that is opened from there misses nothing. Who is here is known
// from the streams themselves, by OnOpen and OnClose.
package main

import (
	"cmp"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/examples/internal/listen"
	"github.com/fastsse/fastsse/examples/page"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

//go:embed index.html
var index []byte

func main() {
	addr := flag.String("addr", listen.Addr(), "`address` to listen on; PORT in the environment changes the default")
	listen.Parse()
	hub, err := server.New(server.Config{Retention: retention})
	if err != nil {
		listen.Exit(err)
	}
	listen.Exit(listen.ServeHub(*addr, "/events?topic=rooms/lobby&name=You", hub, newChat(hub).handler()))
}

var retention = []server.Retention{
	{Topics: "here/*", Ephemeral: true}, // each list of who is here replaces the one before
	{Topics: "rooms/*", Events: kept, Age: time.Hour},
}

const (
	kept         = 200  // messages of a room that newcomers see
	maxNameBytes = 120  // of who speaks: the page lets one write 40 characters, of up to 3 bytes each
	maxTextBytes = 3000 // of a message: 1,000 characters
)

var errNoRoom = errors.New("there is no such room")

type chat struct {
	hub   *server.Hub
	mu    sync.Mutex // guards rooms, and is held over Publish: a room and the id are of one moment
	rooms map[string]*room
}

type room struct {
	said []message
	here map[string]int // name: open streams
	seen int            // numbers the lists of who is here: a newer one replaces an older one
}

// message is the data of an event of type "said".
type message struct {
	Name string `json:"name"`
	Text string `json:"text"`
	At   int64  `json:"at"` // milliseconds since 1970
}

// presence is the data of an event of type "here".
type presence struct {
	Number int      `json:"number"`
	Names  []string `json:"names"`
}

func newChat(hub *server.Hub) *chat {
	c := &chat{hub: hub, rooms: map[string]*room{}}
	for _, name := range []string{"lobby", "kitchen", "garden"} {
		c.rooms[name] = &room{said: []message{}, here: map[string]int{}}
	}
	return c
}

func (c *chat) handler() fasthttp.RequestHandler {
	r := router.New()
	page.Mount(r, index)
	r.ANY("/events", c.hub.SubscribeHandler(server.SubscribeOptions{
		Authorize: c.enter,
		OnOpen:    func(s server.Subscriber, w *streamwriter.Writer) error { return c.count(s, +1, w) },
		OnClose:   func(s server.Subscriber, _ server.Reason) { _ = c.count(s, -1, nil) }, // closed: nobody is left to be told
	}))
	r.GET("/rooms/{room}", c.look)
	r.POST("/rooms/{room}", c.speak)
	return r.Handler
}

// enter lets a stream into one room, under a name.
func (c *chat) enter(ctx *fasthttp.RequestCtx, s *server.Subscription) error {
	name, err := field(ctx.QueryArgs(), "name", maxNameBytes)
	room, ok := strings.CutPrefix(s.Topics[0], "rooms/")
	if err != nil || !ok || len(s.Topics) > 1 || c.rooms[room] == nil {
		return &server.StatusError{Code: fasthttp.StatusBadRequest, Message: "ask for one topic, such as rooms/lobby, and a name"}
	}
	s.User, s.Topics = name, append(s.Topics, "here/"+room)
	return nil
}

// count enters that one stream more or less of a name is there, and tells the room. The
// stream that opens, on w, is told by its first event.
func (c *chat) count(s server.Subscriber, change int, w *streamwriter.Writer) error {
	name, topic := s.User.(string), s.Topics[0] // they are sorted: here/ comes first
	c.mu.Lock()
	defer c.mu.Unlock()
	room := c.rooms[strings.TrimPrefix(topic, "here/")]
	if room.here[name] += change; room.here[name] == 0 {
		delete(room.here, name)
	}
	room.seen++
	event := streamwriter.Event{Type: "here"}
	if w != nil {
		if err := w.SendJSON(event, room.presence()); err != nil {
			return err
		}
	}
	_, err := c.hub.PublishJSON(topic, event, room.presence())
	return err
}

func (r *room) presence() presence {
	return presence{r.seen, slices.AppendSeq([]string{}, maps.Keys(r.here))}
}

// look answers with a room as it is, and the id that this is true at.
func (c *chat) look(ctx *fasthttp.RequestCtx) {
	room := c.rooms[ctx.UserValue("room").(string)]
	if room == nil {
		ctx.Error(errNoRoom.Error(), fasthttp.StatusNotFound)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	page.JSON(ctx, map[string]any{"id": c.hub.LastID(), "said": room.said, "here": room.presence()})
}

// speak publishes a message. What is said is text: the page shows it as such.
func (c *chat) speak(ctx *fasthttp.RequestCtx) {
	name, unnamed := field(ctx.PostArgs(), "name", maxNameBytes)
	text, silent := field(ctx.PostArgs(), "text", maxTextBytes)
	topic := ctx.UserValue("room").(string)
	room := c.rooms[topic]
	if err := cmp.Or(unnamed, silent); err != nil || room == nil {
		ctx.Error(fmt.Sprint(cmp.Or(err, errNoRoom)), fasthttp.StatusBadRequest)
		return
	}
	m := message{name, text, time.Now().UnixMilli()}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := c.hub.PublishJSON("rooms/"+topic, streamwriter.Event{Type: "said"}, m); err != nil {
		ctx.Error(err.Error(), fasthttp.StatusServiceUnavailable)
		return
	}
	room.said = append(room.said[max(0, len(room.said)-kept+1):], m)
	ctx.SetStatusCode(fasthttp.StatusNoContent)
}

// field returns a field of a form, which must not be empty, nor longer than that.
func field(args *fasthttp.Args, name string, most int) (string, error) {
	value := strings.TrimSpace(string(args.Peek(name)))
	if value == "" || len(value) > most || !utf8.ValidString(value) {
		return "", fmt.Errorf("%s is empty, not UTF-8, or of more than %d bytes", name, most)
	}
	return value, nil
}
