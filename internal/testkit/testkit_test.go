package testkit

import (
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestDecoderKeepsWhatAStreamHasSaid(t *testing.T) {
	d := NewDecoder(strings.NewReader("retry: 5\nid: 1\ndata: a\ndata: b\n\n:\n:\n\nevent: t\ndata\n\nid: 2\nretry: 5\n\nid: 3\ndata: unfinished"))
	if e, err := d.Next(); e != (Event{"1", "message", "a\nb"}) || err != nil || d.Retry != "5" {
		t.Errorf("got %+v, %v, retry %q", e, err, d.Retry)
	}
	d.Retry = ""
	if e, err := d.Next(); e != (Event{"1", "t", ""}) || err != nil || d.Retry != "" || d.Comments != 2 {
		t.Errorf("got %+v, %v, retry %q, %d comments", e, err, d.Retry, d.Comments)
	}
	if all, err := d.All(); len(all) != 0 || err != nil || d.Retry != "5" || d.LastID != "2" {
		t.Errorf("got %+v, %v, retry %q, id %q", all, err, d.Retry, d.LastID)
	}
}

func TestDecoderStopsAtTheIDsThatOnIDAsksFor(t *testing.T) {
	d := NewDecoder(strings.NewReader("id: 1\n\nid: 2\n\nid: 2\n\ndata: x\nid: 3\n\n"))
	var asked []string
	d.OnID = func(id string) bool {
		asked = append(asked, id)
		return id == "2"
	}
	all, err := d.All()
	if want := []Event{{ID: "2"}, {"3", "message", "x"}}; !slices.Equal(all, want) || err != nil || !slices.Equal(asked, []string{"1", "2"}) {
		t.Errorf("got %+v, %v, asked for %q", all, err, asked)
	}
}

func TestLogCountsEntries(t *testing.T) {
	var l Log
	l.Printf("panic: %s\nat x.go", "a")
	_, _ = l.Write([]byte("panic: b\n"))
	if l.Count() != 2 || l.Count("panic") != 2 || l.Count("panic", "x.go") != 1 || l.Has("z") || l.String() != "panic: a\nat x.go\npanic: b\n" {
		t.Errorf("%q", l.String())
	}
}

func TestWaiting(t *testing.T) {
	turns := 0
	Eventually(t, "three turns", func() bool { turns++; return turns == 3 })
	if Soon(time.Millisecond, func() bool { return false }) {
		t.Error("what is never true came soon")
	}
	c := make(chan int, 1)
	Within(t, "a send", func() { c <- 7 })
	if v := Receive(t, "a value", c); v != 7 {
		t.Errorf("got %d", v)
	}
}

func TestCertificateServesTLS(t *testing.T) {
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{Certificate(t)}})
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		if c, err := ln.Accept(); err == nil {
			_ = c.(*tls.Conn).Handshake()
			_ = c.Close()
		}
	}()
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: Patience}, "tcp", ln.Addr().String(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestDecoderOfAClientThatResumes(t *testing.T) {
	d := NewDecoder(strings.NewReader(":\nretry: 5\n\ndata: without an id\n\nid: 8\n\n"))
	d.LastID = "7"
	d.OnID = func(string) bool { return true }
	for _, want := range []Event{{"7", "message", "without an id"}, {"8", "", ""}} {
		if e, err := d.Next(); err != nil || e != want || d.LastID != want.ID {
			t.Errorf("%+v, error %v, last id %s; want %+v", e, err, d.LastID, want)
		}
	}
}
