package clients

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse"
	"github.com/fastsse/fastsse/internal/testkit"
)

// curl shows the bytes: those of each event as AppendEvent makes them, with nothing between.
func TestCurlShowsEveryByte(t *testing.T) {
	curl := program(t, "curl")
	f := newFeed(t, router.New(), []subject{{name: "curl"}})
	r := f.clients[0]
	shown := filepath.Join(t.TempDir(), "shown")
	cmd := exec.CommandContext(t.Context(), curl, "-sN", "-o", shown, f.URL+"/events?topic=curl")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // the test's context has ended it
	f.each("does not open a stream", patience, f.open)
	var want []byte
	for n := 1; n <= total; n++ {
		f.publish(n)
		e, _ := event(n)
		e.ID = r.ledger.id(n)
		want = fastsse.AppendEvent(want, &e)
	}
	var out []byte
	if !testkit.Soon(patience, func() bool {
		out, _ = os.ReadFile(shown)
		return bytes.Contains(out, want)
	}) {
		t.Errorf("curl shows %d bytes, in which the %d of the events are not", len(out), len(want))
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
