package server_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/absent"
	"github.com/fastsse/fastsse/internal/delivery"
	"github.com/fastsse/fastsse/internal/testkit"
	"github.com/fastsse/fastsse/server"
)

// vanishEnv tells the test binary, run again in a network namespace, which
// address to open a stream at.
const vanishEnv = "FASTSSE_TEST_VANISH_ADDR"

// TestVanishClient is no test: it is the client that vanishes.
func TestVanishClient(t *testing.T) {
	addr := os.Getenv(vanishEnv)
	if addr == "" {
		t.Skip("runs in the namespace of TestPromise5VanishedPeerIsNoticed")
	}
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(request{path: "/events", topics: []string{"a"}}.bytes()); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(conn)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		fmt.Print(line)
	}
}

// vanishScale divides the times of TestPromise5VanishedPeerIsNoticed, which takes most
// of a minute with those that a hub has by default: in CI it does.
var vanishScale = time.Duration(6)

func init() {
	if os.Getenv("CI") != "" {
		vanishScale = 1
	}
	delivery.VanishedAfter /= vanishScale
}

// A peer that vanished without a FIN is noticed within a minute; one that lives
// and takes nothing is not taken for it.
func TestPromise5VanishedPeerIsNoticed(t *testing.T) {
	if testing.Short() {
		t.Skip("takes most of a minute, or a part of it")
	}
	if d := vanishScale*delivery.VanishedAfter + 15*time.Second; d >= time.Minute {
		t.Errorf("by default it takes %v", d)
	}
	t.Parallel()
	for i, kind := range twoKinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			link := newLink(t, i)
			kind.listen = func(t *testing.T) (net.Listener, dialer) {
				ln, err := net.Listen("tcp", link.addr+":0")
				if err != nil {
					t.Fatal(err)
				}
				return ln, func() (net.Conn, error) { return net.Dial("tcp", ln.Addr().String()) }
			}
			// All as by default, if not shorter, but that a stalled reader is never cut.
			h := newHarness(t, kind, setup{config: server.Config{
				SlowSubscribers: server.Skip, WriteTimeout: -1, Heartbeat: 15 * time.Second / vanishScale,
			}})
			alive := h.stall("alive")
			link.client(alive.conn.RemoteAddr().String())
			h.streams(2)
			link.drop()
			start := time.Now()
			limit := max(time.Minute/vanishScale, patience)
			if !testkit.Soon(limit, func() bool { return h.hub.Stats().Subscribers == 1 }) {
				t.Fatalf("not noticed within %v", limit)
			}
			took := time.Since(start)
			t.Logf("noticed after %v, ended: %v", took, h.hub.Stats().Ended)
			if took < 10*time.Second/vanishScale {
				t.Errorf("ended after %v: it did not vanish, it left", took)
			}
			h.ended(server.ReasonVanished, 1)
			if a, g := h.hub.Subscribers("alive"), h.hub.Subscribers("a"); a != 1 || g != 0 {
				t.Errorf("%d readers are alive, %d are gone; want 1 and 0", a, g)
			}
		})
	}
}

// link is a network of two: this process, and a namespace.
type link struct {
	t               *testing.T
	ns, here, there string
	addr            string
}

func newLink(t *testing.T, i int) *link {
	t.Helper()
	id := fmt.Sprintf("%d-%d", os.Getpid()%10000, i)
	l := &link{t: t, ns: "fastsse-" + id, here: "fsa" + id, there: "fsb" + id}
	subnet := fmt.Sprintf("198.18.%d", (os.Getpid()*len(twoKinds)+i)%256) // RFC 2544: for tests
	l.addr = subnet + ".1"
	if os.Getuid() != 0 {
		absent.Skipf(t, "only root can make a network to drop; run the tests as root to check promise 5")
	}
	if out, err := exec.Command("ip", "netns", "add", l.ns).CombinedOutput(); err != nil {
		absent.Skipf(t, "no network namespaces here (iproute2 and CAP_SYS_ADMIN are needed to check promise 5): %v %s", err, out)
	}
	t.Cleanup(func() {
		exec.Command("ip", "link", "del", l.here).Run()
		l.ip("netns", "del", l.ns)
	})
	l.ip("link", "add", l.here, "type", "veth", "peer", "name", l.there, "netns", l.ns)
	l.ip("addr", "add", l.addr+"/30", "dev", l.here)
	l.ip("link", "set", l.here, "up")
	l.ip("-n", l.ns, "addr", "add", subnet+".2/30", "dev", l.there)
	l.ip("-n", l.ns, "link", "set", l.there, "up")
	return l
}

func (l *link) ip(args ...string) {
	l.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		l.t.Fatalf("ip %s: %v %s", strings.Join(args, " "), err, out)
	}
}

// client starts a client in the namespace, and waits until its stream is open.
func (l *link) client(addr string) {
	l.t.Helper()
	cmd := exec.Command("ip", "netns", "exec", l.ns, os.Args[0], "-test.run=^TestVanishClient$", "-test.count=1")
	cmd.Env = append(os.Environ(), vanishEnv+"="+addr)
	out, err := cmd.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "retry:") {
			return
		}
	}
	l.t.Fatalf("the client in the namespace has no stream: %s", errs.String())
}

// drop pulls the plug: nothing passes any more, and nobody is told.
func (l *link) drop() { l.ip("-n", l.ns, "link", "set", l.there, "down") }
