package clients

import (
	"testing"

	"github.com/fasthttp/router"
)

// Each client is taken through the script, and what came of it is what testdata/outcomes.json
// says: no worse, and no better.
func TestClients(t *testing.T) {
	if testing.Short() {
		t.Skip("takes twenty seconds; go test without -short runs it")
	}
	outcomes := readOutcomes(t)
	ran := t.Run("runtimes", func(t *testing.T) { // until all of them have ended
		for _, r := range runtimes {
			t.Run(r.name, func(t *testing.T) {
				t.Parallel()
				f := newFeed(t, router.New(), quick(r.clients))
				r.start(t, f.clients)
				f.run()
				for _, c := range f.clients {
					outcomes.compare(t, c)
				}
			})
		}
	})
	if *update && ran {
		outcomes.write(t)
	}
}
