package soak_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/backplane"
	"github.com/fastsse/fastsse/server/backplane/backplanetest"
	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// settings are what a hub is made of.
type settings struct {
	Config server.Config // without interfaces, so that it can be handed to another process
	Feed   feed
}

// serveChild is a hub in a process of its own.
func serveChild(text string) error {
	var s settings
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return err
	}
	go exitWithParent()
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	c, err := s.Feed.open(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return s.serve(context.Background(), c, nil, func(_ *server.Hub, a net.Addr) { fmt.Println("listening", a) })
}

const (
	startWithin = 10 * time.Second
	grace       = 8 * time.Second
)

// serve serves a hub until ctx is done, or as server.Run says.
func (s *settings) serve(ctx context.Context, b backplane.Backplane, log fasthttp.Logger, listening func(*server.Hub, net.Addr)) error {
	c := s.Config
	c.Backplane, c.Logger = b, log
	hub, err := server.New(c)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	return server.Run(ctx, server.RunOptions{
		Handler: routes(hub, c), Hub: hub, Listener: ln, Grace: grace, Logger: log,
		Server:    &fasthttp.Server{Logger: log, ReadTimeout: grace / 2},
		Listening: func(a net.Addr) { listening(hub, a) },
	})
}

func routes(hub *server.Hub, c server.Config) fasthttp.RequestHandler {
	r := router.New()
	subscribe := server.SubscribeOptions{
		OnOpen: func(_ server.Subscriber, w *streamwriter.Writer) error { return w.SendString("hello", "hello") },
	}
	hub.Mount(r, server.MountOptions{Publish: server.PublishOptions{AllowAnyone: true}, Subscribe: subscribe})
	inComments := server.GapEvent{Comment: true}
	subscribe.Gap = inComments
	r.GET("/events-and-comments", hub.SubscribeHandler(subscribe))
	follow := func(gap server.GapEvent) fasthttp.RequestHandler {
		return func(ctx *fasthttp.RequestCtx) {
			topics := topicsOf(ctx)
			streamwriter.Serve(ctx, writerOptions(c), func(w *streamwriter.Writer) error {
				return hub.FollowWith(w, server.FollowOptions{Gap: gap}, topics...)
			})
		}
	}
	r.GET("/follow", follow(server.GapEvent{}))
	r.GET("/follow-and-comments", follow(inComments))
	r.GET("/kick", func(*fasthttp.RequestCtx) { hub.Kick(func(server.Subscriber) bool { return rand.IntN(4) == 0 }) })
	r.GET("/stats", func(ctx *fasthttp.RequestCtx) { _ = json.NewEncoder(ctx).Encode(hub.Stats()) })
	return r.Handler
}

func writerOptions(c server.Config) streamwriter.Options {
	return streamwriter.Options{Heartbeat: c.Heartbeat, Retry: c.Retry, MaxAge: c.MaxAge, WriteTimeout: c.WriteTimeout, Logger: c.Logger}
}

// topicsOf returns copies: the query does not outlive the request's handler.
func topicsOf(ctx *fasthttp.RequestCtx) (topics []string) {
	for _, t := range ctx.QueryArgs().PeekMulti("topic") {
		topics = append(topics, string(t))
	}
	return topics
}

// node is a hub that runs: in a process of its own, or in the test's.
type node struct {
	number  int
	address string
	network *network              // between it and the broker; nil: there is none
	handle  *backplanetest.Handle // of "memory"
	log     testkit.Log

	process *process // nil: it runs in the test's process

	hub    *server.Hub
	cancel context.CancelFunc
	ended  chan error // has what serve has returned
}

// startNode starts a hub.
func (r *round) startNode() (*node, error) {
	r.mu.Lock()
	r.nodesEver++
	n := &node{number: r.nodesEver}
	r.mu.Unlock()
	s := settings{Config: r.plan.config, Feed: r.broker.feed}
	switch r.broker.Broker {
	case "memory":
		n.handle = r.broker.memory.Open()
	case "nats", "redis":
		n.network = newNetwork(r.t, r.broker.Address)
		s.Feed.Address = n.network.address()
	}
	var err error
	if r.plan.children {
		err = n.startChild(r.t, s)
	} else {
		err = n.startHere(s)
	}
	if err != nil {
		n.release()
		return nil, fmt.Errorf("hub %d: %w", n.number, err)
	}
	return n, nil
}

func (n *node) release() {
	if n.network != nil {
		n.network.close()
	}
}

func (n *node) startChild(t testing.TB, s settings) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	from, to := io.Pipe()
	n.process = &process{t: t, name: fmt.Sprint("hub ", n.number), args: os.Args[:1], env: []string{hubVariable + "=" + string(text)}, out: to}
	if err := n.process.start(); err != nil {
		return err
	}
	go func() { <-n.process.ended; to.Close() }()
	lines := bufio.NewReader(from)
	line, err := lines.ReadString('\n')
	go io.Copy(io.Discard, lines)
	if err != nil {
		n.process.kill()
		return fmt.Errorf("it has not started: %s", &n.process.log)
	}
	n.address = strings.TrimSpace(strings.TrimPrefix(line, "listening"))
	return nil
}

func (n *node) startHere(s settings) error {
	var b backplane.Backplane = n.handle
	closeFeed := func() error { return nil }
	if n.handle == nil {
		ctx, cancel := context.WithTimeout(context.Background(), startWithin)
		defer cancel()
		c, err := s.Feed.open(ctx)
		if err != nil {
			return err
		}
		b, closeFeed = c, c.Close
	}
	ctx, cancel := context.WithCancel(context.Background())
	listening := make(chan struct{})
	n.cancel, n.ended = cancel, make(chan error, 1)
	go func() {
		err := s.serve(ctx, b, &n.log, func(h *server.Hub, a net.Addr) {
			n.hub, n.address = h, a.String()
			close(listening)
		})
		n.ended <- errors.Join(err, closeFeed())
	}()
	select {
	case <-listening:
		return nil
	case err := <-n.ended:
		cancel()
		return err
	}
}

// drain ends the hub as a deploy does, and returns an error if that was not in time.
func (n *node) drain() error {
	defer n.release()
	if n.process != nil {
		n.process.signal(syscall.SIGTERM)
		select {
		case <-n.process.ended:
			return n.process.err
		case <-time.After(grace + testkit.Patience):
			n.process.kill()
			return errors.New("it has not ended")
		}
	}
	n.cancel()
	return n.await()
}

func (n *node) await() error {
	select {
	case err := <-n.ended:
		return err
	case <-time.After(grace + testkit.Patience):
		return errors.New("it has not ended")
	}
}

// kill ends the hub abruptly.
func (n *node) kill() error {
	defer n.release()
	if n.process != nil {
		n.process.kill()
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
	defer cancel()
	err := n.hub.Close(ctx)
	n.cancel()
	_ = n.await() // Run reports that the hub was closed
	return err
}

// says is what the hub has logged.
func (n *node) says() string {
	if n.process != nil {
		return n.process.log.String()
	}
	return n.log.String()
}
