package cursor

import (
	"bytes"
	"strconv"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/internal/testkit"
)

// Two offers are open at the same time, of feeds that share a workspace and both gather:
// each keeps its bytes until it is taken, whatever the other does.
func TestOpenOffersOwnTheirBytes(t *testing.T) {
	w := newWorld(t)
	m := w.machine(Embedded, "a", "b")
	m.Feeds = append(m.Feeds, NewFeed(w.history.Acquire([]string{"c", "d"}), Embedded, m.Workspace()))
	streams := [2]Stream{w.fresh(), w.fresh()}
	streams[1].Feed = 1
	publish := func(from int) {
		for i := range 10 {
			w.publish([]string{"a", "c", "b", "d"}[i%4], strings.Repeat(strconv.Itoa(from+i), 20))
		}
	}
	publish(100)

	var offers [2]Offer
	var offered [2][]byte
	next := func(key int) {
		t.Helper()
		if !m.Next(&offers[key], int32(key), &streams[key], 1) {
			t.Fatalf("stream %d is offered nothing", key)
		}
		offered[key] = bytes.Clone(offers[key].Bytes)
	}
	var got [2][]byte
	took := func(key, n int) {
		t.Helper()
		if !bytes.Equal(offers[key].Bytes, offered[key]) {
			t.Fatalf("stream %d was offered\n%q, and before it was taken it is\n%q", key, offered[key], offers[key].Bytes)
		}
		got[key] = append(got[key], offers[key].Bytes[:n]...)
		m.Took(&offers[key], int32(key), &streams[key], n, 1)
	}

	next(0)
	next(1)
	if offers[0].gathered == nil || offers[1].gathered == nil {
		t.Fatal("the offers are not copies: the test tests nothing")
	}
	took(0, len(offered[0])/2) // inside an event
	if !streams[0].Pending {
		t.Fatal("the stream stands between two events")
	}
	publish(200)
	next(0) // the rest of that event
	took(1, len(offered[1])/3)
	next(1)
	took(0, len(offered[0]))
	next(0)
	took(1, len(offered[1]))
	next(1)
	took(0, len(offered[0]))
	took(1, len(offered[1]))
	for key, want := range [2]string{"", ""} {
		for i := range 20 {
			at := i % 10
			if at%2 != key {
				continue
			}
			want += strings.Repeat(strconv.Itoa(100*(1+i/10)+at), 20) + " "
		}
		events, err := testkit.NewDecoder(bytes.NewReader(got[key])).All()
		if err != nil {
			t.Fatal(err)
		}
		if all := datas(events) + " "; all != want {
			t.Errorf("stream %d got\n%s, want\n%s", key, all, want)
		}
	}
}
