package proxies

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/internal/testkit"
)

// An instance that has crashed, and was refusing connections while clients came back, gets
// half of the clients as soon as it is there again: streams that stay open must not keep
// nginx from trusting it.
func TestAnInstanceThatIsBackGetsItsShare(t *testing.T) {
	t.Parallel()
	instances := startInstances(t, 2)
	up := nginx.start(t, instances[0].address, "# server 127.0.0.1:8081", "server "+instances[1].address)
	_ = instances[1].run.Process.Kill()
	_ = instances[1].run.Wait()
	for range 4 {
		openStream(t, up.http1)
	}
	instances[1].start(t)
	for range 20 {
		openStream(t, up.http1)
	}
	share := func() string { return opened(t, instances[1].address) }
	if !testkit.Soon(testkit.Patience, func() bool { return share() == "10" }) {
		t.Errorf("of 20 streams the instance that is back has %s; want 10", share())
	}
}

// openStream opens a stream of the topic news, until the end of the test.
func openStream(t *testing.T, url string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/events?topic=news", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != http.StatusOK {
		t.Fatalf("a stream is answered %s", res.Status)
	}
}

// opened is how many streams an instance has opened, as its metrics say.
func opened(t *testing.T, address string) string {
	t.Helper()
	res, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "\nfastsse_streams_opened_total ")
	count, _, _ := strings.Cut(after, "\n")
	return count
}
