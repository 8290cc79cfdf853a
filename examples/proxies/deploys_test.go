package proxies

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

var deploys = flag.Int("deploys", 1, "how often TestClientsOutliveDeploys restarts the server, and TestClientsOutliveRollingDeploys both of them")

// Clients of every kind stay open through restarts of the server behind nginx: each is
// told of each restart once, and gets every event of each of the server's lives, from its
// first one on, once and in order. If its stream breaks for a reason of its own (Chromium
// ends its HTTP/2 connections when a network interface appears on the machine), it may
// find the server down already: then the gap covers the end of that life.
func TestClientsOutliveDeploys(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute, and its servers are processes of their own; go test without -short runs it")
	}
	t.Parallel()
	d := &deployment{address: testkit.FreeAddress(t)}
	d.start(t)
	access := filepath.Join(t.TempDir(), "access.log")
	up := nginx.start(t, d.address, logVisits(access)...)
	clients := openClients(t, up, false)
	lives := [][]int{d.live(t, clients, 0, 1)}
	for life := 1; life <= *deploys; life++ {
		before := logged(t, access)
		d.stop(t)
		for _, c := range clients {
			c.until(t, "it is turned away by nginx", func() bool { return logged(t, access)[c.name].away > before[c.name].away })
		}
		d.start(t)
		lives = append(lives, d.live(t, clients, life, newest(lives)+1))
	}
	for _, c := range clients {
		c.until(t, "it has the last event", func() bool { return slices.Contains(c.log(t), strconv.Itoa(newest(lives))) })
		t.Run(c.name, func(t *testing.T) {
			// The stream of the last life is still open.
			isCut := c.isCut || logged(t, access)[c.name].streams != *deploys
			if err := judge(c.log(t), lives, isCut); err != nil {
				t.Error(err)
			}
		})
	}
}

// newest is the last number that was published.
func newest(lives [][]int) int {
	last := lives[len(lives)-1]
	return last[len(last)-1]
}

// enough is how many events a client gets of each life of the server.
const enough = 5

// live publishes numbers from first on until every client has got enough of them after its
// life-th gap. It returns what it published.
func (d *deployment) live(t *testing.T, clients []client, life, first int) (published []int) {
	t.Helper()
	for _, c := range clients {
		c.until(t, "it gets events of life "+strconv.Itoa(life), func() bool {
			if len(published) == 0 || time.Now().After(d.next) {
				published = append(published, first+len(published))
				d.publish(t, strconv.Itoa(published[len(published)-1]))
				d.next = time.Now().Add(20 * time.Millisecond)
			}
			parts := split(c.log(t))
			return len(parts) == life+1 && len(parts[life]) >= enough
		})
	}
	return published
}

// visits are what nginx has logged of a client.
type visits struct {
	streams int // that ended
	away    int // requests for which it found the server down
}

// logVisits is a change to nginx.conf: the visits of clients are logged in a file.
func logVisits(access string) []string {
	return []string{"\n\tserver {", "\n\tlog_format clients '$arg_client $uri $server_protocol $upstream_status';" +
		"\n\tserver {\n\taccess_log " + access + " clients;"}
}

// logged counts the visits, by client.
func logged(t *testing.T, access string) map[string]visits {
	t.Helper()
	text, err := os.ReadFile(access)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]visits{}
	for line := range strings.Lines(string(text)) {
		f := strings.Fields(line)
		if len(f) < 4 || f[1] != "/events" { // a line that is being written; a page
			continue
		}
		name, v := f[0], all[f[0]]
		switch f[len(f)-1] { // before it: "502," of a server that was not there
		case "200":
			v.streams++
		case "502":
			v.away++
		}
		all[name] = v
		if strings.HasSuffix(name, "http2") != (f[2] == "HTTP/2.0") {
			t.Errorf("%s comes by %s", name, f[2])
		}
	}
	return all
}

// until waits until ok, and fails the test with what the client knows.
func (c client) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	if !testkit.Soon(2*testkit.Patience, ok) {
		t.Fatalf("%s: not within %v: %s; it got %s", c.name, 2*testkit.Patience, what, ranges(c.log(t)))
	}
}
