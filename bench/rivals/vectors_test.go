package main

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/fastsse/fastsse/internal/vectors"
	launchdarkly "github.com/launchdarkly/eventsource"
	r3labs "github.com/r3labs/sse/v2"
	gosse "github.com/tmaxmax/go-sse"
)

// event is what a decoder hands out, in the terms of the vectors.
type event struct{ Type, Data, LastEventID string }

func newEvent(typ, data, id string) event {
	if typ == "" {
		typ = "message"
	}
	return event{typ, data, id}
}

// largest is a bound beyond all vectors.
const largest = 8 << 20

// clients read a stream to its end.
var clients = []struct {
	name string
	read func(r io.Reader) []event
}{
	{"tmaxmax/go-sse", readGoSSE},
	{"r3labs/sse", readR3labs},
	{"launchdarkly/eventsource", readLaunchDarkly},
}

func readGoSSE(r io.Reader) (list []event) {
	for e, err := range gosse.Read(r, &gosse.ReadConfig{MaxEventSize: largest}) {
		if err != nil {
			return list
		}
		list = append(list, newEvent(e.Type, e.Data, e.LastEventID))
	}
	return list
}

func readLaunchDarkly(r io.Reader) (list []event) {
	for d := launchdarkly.NewDecoder(r); ; {
		e, err := d.Decode()
		if err != nil {
			return list
		}
		list = append(list, newEvent(e.Event(), e.Data(), e.(launchdarkly.EventWithLastID).LastEventID()))
	}
}

// readR3labs reads with the whole client: its reader alone splits blocks, no more.
func readR3labs(r io.Reader) (list []event) {
	_ = subscribe(r, func(e *r3labs.Event) {
		list = append(list, newEvent(string(e.Event), string(e.Data), string(e.ID)))
	})
	return list
}

// subscribe is r3labs' client of one answer with the body r.
func subscribe(r io.Reader, each func(*r3labs.Event)) error {
	c := r3labs.NewClient("http://localhost/", r3labs.ClientMaxBufferSize(largest))
	c.Connection = &http.Client{Transport: answer{r}}
	return c.SubscribeRaw(each)
}

// answer is a transport whose answers have one body.
type answer struct{ body io.Reader }

func (a answer) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(a.body), Request: r}, nil
}

// The vectors say of each decoder which it fails: exactly those.
func TestVectorsSayWhatRivalsFail(t *testing.T) {
	list, err := vectors.Decodings("../../testdata/decode.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range clients {
		for _, v := range list {
			got := c.read(pieces(v.Pieces))
			var want []event
			for _, e := range v.Events {
				want = append(want, event{e.Type, string(e.Bytes), e.LastEventID})
			}
			failed := !slices.Equal(got, want)
			if failed && !v.Failed(c.name) {
				t.Errorf("%s fails %q, which failedBy does not say: %.300q", c.name, v.Name, got)
			}
			if !failed && v.Failed(c.name) {
				t.Errorf("%s does not fail %q, as failedBy says", c.name, v.Name)
			}
		}
	}
}

func pieces(list [][]byte) io.Reader {
	var readers []io.Reader
	for _, piece := range list {
		readers = append(readers, bytes.NewReader(piece))
	}
	return io.MultiReader(readers...)
}
