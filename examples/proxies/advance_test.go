package proxies

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
)

// Browsers open connections in advance. By default HAProxy answers 408 to one that has been
// silent for a while; an EventSource that then uses it would give up for good.
func TestHAProxyAnswersNoConnectionThatWasOpenedInAdvance(t *testing.T) {
	t.Parallel()
	o := startOrigin(t)
	const limit = "timeout http-request 10s"
	for _, c := range []struct {
		name   string
		change []string
		want   string
	}{
		{"haproxy.cfg", nil, ""},
		{"without the option", []string{"option http-ignore-probes", ""}, "HTTP/1.1 408 "}, // else this test tells nothing
	} {
		t.Run(c.name, func(t *testing.T) {
			up := haproxy.start(t, o.addr, append(c.change, limit, "timeout http-request 500ms")...)
			conn, err := net.Dial("tcp", strings.TrimPrefix(up.http1, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetReadDeadline(time.Now().Add(testkit.Patience))
			said, err := io.ReadAll(conn)
			if err != nil || !strings.HasPrefix(string(said), c.want) || c.want == "" && len(said) > 0 {
				t.Errorf("it says %q (%v), want %q", said, err, c.want)
			}
		})
	}
}
