package proxies

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/fasthttp/router"
	"github.com/fastsse/fastsse/examples/internal/exampletest"
)

// Clients of every kind stay open through rolling deploys of two examples/cloud on one
// backplane, behind nginx: each gets every event that is published meanwhile once and in
// order, and none is told of a gap.
func TestClientsOutliveRollingDeploys(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute, and its servers are processes of their own; go test without -short runs it")
	}
	t.Parallel()
	instances := startInstances(t, 2)
	access, pages := filepath.Join(t.TempDir(), "access.log"), startPages(t)
	up := nginx.start(t, instances[0].address, append(logVisits(access),
		"# server 127.0.0.1:8081", "server "+instances[1].address,
		"\n\t\tlocation /events {", "\n\t\tlocation /clients/ { proxy_pass http://"+pages+"; }"+
			"\n\t\tlocation /npm/ { proxy_pass http://"+pages+"; }\n\t\tlocation /events {")...)
	clients, table := roll(t, instances, up)
	visits := logged(t, access)
	for i, c := range clients {
		// Both servers were replaced at each deploy, so the stream ended each time.
		v := visits[c.name]
		if v.streams < *deploys || v.away > 0 {
			t.Errorf("%s: %d streams ended, and it was turned away %d times; want at least %d, and none", c.name, v.streams, v.away, *deploys)
		}
		table[i].reconnects = strconv.Itoa(v.streams)
	}
	t.Log(table)
}

// The same behind HAProxy.
func TestClientsOutliveRollingDeploysBehindHAProxy(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute, and its servers are processes of their own; go test without -short runs it")
	}
	t.Parallel()
	haproxy.find(t)
	instances := startInstances(t, 2)
	_, table := roll(t, instances, haproxy.start(t, instances[0].address,
		"# server app2 127.0.0.1:8081", "server app2 "+instances[1].address,
		"\tdefault_backend everything\n", "\tuse_backend pages if { path_beg /clients/ /npm/ }\n\tdefault_backend everything\n"+
			"\nbackend pages\n\tserver pages "+startPages(t)+"\n"))
	t.Log(table)
}

// roll replaces the instances one after the other, again and again, while clients of every
// kind are open and events are published, and checks what the clients got.
func roll(t *testing.T, instances []*instance, up proxy) (clients []client, found table) {
	t.Helper()
	clients = openClients(t, up, true)
	p := publish(t, up.http1)
	allHave(t, clients, "its first events", enough)
	for n := range *deploys {
		deploy := "after deploy " + strconv.Itoa(n+1)
		instances[0].replace(t)
		if n%2 == 0 { // else the other one is replaced while clients of the first are away
			allHave(t, clients, "events of the new server or the other one, "+deploy, p.newest()+enough)
		}
		instances[1].replace(t)
		allHave(t, clients, "events of the new servers, "+deploy, p.newest()+enough)
	}
	last := p.finish(t)
	allHave(t, clients, "the last event", last)
	t.Logf("%d deploys; %d numbers; %s", *deploys, last, p.repeated())
	for _, c := range clients {
		got := c.log(t)
		found = append(found, count(c.name, got, last))
		t.Run(c.name, func(t *testing.T) {
			if err := judge(got, [][]int{upTo(last)}, false); err != nil {
				t.Error(err)
			}
		})
	}
	return clients, found
}

// startPages serves the pages, which examples/cloud has not, and returns the address.
func startPages(t *testing.T) string {
	t.Helper()
	routes := router.New()
	servePages(routes)
	return exampletest.Serve(t, "", routes.Handler).Addr
}

// allHave waits until every client has got a number that is n or above.
func allHave(t *testing.T, clients []client, what string, n int) {
	t.Helper()
	for _, c := range clients {
		c.until(t, "it has "+what, func() bool {
			time.Sleep(20 * time.Millisecond) // the log is long: not a thousand times per second
			return slices.ContainsFunc(c.log(t), func(entry string) bool {
				number, err := strconv.Atoi(entry)
				return err == nil && number >= n
			})
		})
	}
}

// upTo returns 1 to n.
func upTo(n int) (all []int) {
	for i := range n {
		all = append(all, i+1)
	}
	return all
}

// table is what every client got.
type table []figures

func (all table) String() string {
	var b strings.Builder
	b.WriteByte('\n')
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "client\treconnects\tevents\tlost\ttwice\tgaps\t")
	for _, f := range all {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t\n", f.client, cmp.Or(f.reconnects, "?"), f.events, f.lost, f.twice, f.gaps)
	}
	_ = w.Flush()
	return b.String()
}

// figures are what count finds.
type figures struct {
	client, reconnects        string
	events, lost, twice, gaps int
}

// count counts what a client got of the numbers from the first one that it got to last.
func count(client string, got []string, last int) figures {
	f := figures{client: client}
	times := map[string]int{}
	for _, entry := range got {
		times[entry]++
	}
	f.gaps = times["gap"]
	f.events = len(got) - f.gaps
	first := slices.IndexFunc(got, func(entry string) bool { return entry != "gap" })
	if first < 0 {
		return f
	}
	from, _ := strconv.Atoi(got[first])
	for n := from; n <= last; n++ {
		switch k := times[strconv.Itoa(n)]; k {
		case 0:
			f.lost++
		default:
			f.twice += k - 1
		}
	}
	return f
}

func TestCount(t *testing.T) {
	got, want := count("c", strings.Fields("3 4 4 gap 6 7 7"), 8), figures{client: "c", events: 6, lost: 2, twice: 2, gaps: 1}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
