package proxies

import (
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
	t.Parallel()
	instances := startInstances(t, 2)
	access := filepath.Join(t.TempDir(), "access.log")
	up := nginx.start(t, instances[0].address, append(logVisits(access),
		"# server 127.0.0.1:8081", "server "+instances[1].address,
		"\n\t\tlocation /events {", pageLocations(t)+"\n\t\tlocation /events {")...)
	clients := openClients(t, up, true)
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
	visits := logged(t, access)
	t.Logf("%d numbers, %d deploys; %s\n%s", last, *deploys, p.repeated(), table(t, clients, visits, last))
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			if err := judge(c.log(t), [][]int{upTo(last)}, false); err != nil {
				t.Error(err)
			}
			// Both servers were replaced at each deploy, so the stream ended each time.
			if v := visits[c.name]; v.streams < *deploys || v.away > 0 {
				t.Errorf("%d streams ended, and it was turned away %d times; want at least %d, and none", v.streams, v.away, *deploys)
			}
		})
	}
}

// pageLocations is what nginx.conf needs to serve the pages, which examples/cloud has not.
func pageLocations(t *testing.T) string {
	t.Helper()
	routes := router.New()
	servePages(routes)
	pages := exampletest.Serve(t, "", routes.Handler)
	return fmt.Sprintf("\n\t\tlocation /clients/ { proxy_pass %s; }\n\t\tlocation /npm/ { proxy_pass %[1]s; }", pages.URL)
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

// table shows what every client went through, and what it got.
func table(t *testing.T, clients []client, visits map[string]visits, last int) string {
	t.Helper()
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "client\tevents\treconnects\tlost\ttwice\tgaps\t")
	for _, c := range clients {
		f := count(c.log(t), last)
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t\n", c.name, f.events, visits[c.name].streams, f.lost, f.twice, f.gaps)
	}
	_ = w.Flush()
	return b.String()
}

// figures are what count finds.
type figures struct{ events, lost, twice, gaps int }

// count counts what a client got of the numbers from the first one that it got to last.
func count(got []string, last int) (f figures) {
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
	if got, want := count(strings.Fields("3 4 4 gap 6 7 7"), 8), (figures{events: 6, lost: 2, twice: 2, gaps: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
