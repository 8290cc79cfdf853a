package clients

import (
	"bytes"
	"os/exec"
	"testing"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse"
	"github.com/fastsse/fastsse/internal/testkit"
)

// curl shows the bytes: those of each event as AppendEvent makes them, with nothing between.
func TestCurlShowsEveryByte(t *testing.T) {
	curl := program(t, "curl")
	f := newFeed(t, router.New(), []client{{name: "curl"}})
	r := f.clients[0]
	cmd := exec.CommandContext(t.Context(), curl, "-sN", f.URL+"/events?topic=curl")
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	f.each("does not open a stream", patience, f.open)
	var want []byte
	for n := 1; n <= total; n++ {
		f.publish(n)
		e, _ := event(n)
		e.ID = r.ledger.id(n)
		want = fastsse.AppendEvent(want, &e)
	}
	f.hub.KickTopic("curl")
	testkit.Within(t, "curl ends with the stream", func() { _ = cmd.Wait() })
	if !bytes.Contains(out.Bytes(), want) {
		t.Errorf("curl shows %d bytes, in which the %d of the events are not", out.Len(), len(want))
	}
}

// id is the id of event n.
func (l *ledger) id(n int) string {
	for id, of := range l.byID {
		if of == n {
			return id
		}
	}
	return ""
}
