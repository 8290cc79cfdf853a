package proxies

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/fastsse/fastsse/internal/testkit"
	natsserver "github.com/nats-io/nats-server/v2/server"
)

// instance is one of several examples/cloud on one backplane, at an address that stays the
// same.
type instance struct {
	program   string // its path
	address   string
	backplane string
	run       *exec.Cmd
	said      *testkit.Log
}

// token is what publishers send.
const token = "secret"

// startInstances starts so many examples/cloud on a NATS server in this process.
func startInstances(t *testing.T, n int) (all []*instance) {
	t.Helper()
	program, broker := buildCloud(t), startNATS(t)
	for range n {
		i := &instance{program: program, address: testkit.FreeAddress(t), backplane: broker}
		i.start(t)
		all = append(all, i)
	}
	return all
}

// buildCloud builds examples/cloud, and returns its path.
func buildCloud(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "cloud")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../cloud").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return program
}

// startNATS starts a NATS server with JetStream at a free port, and returns its URL.
func startNATS(t *testing.T) string {
	t.Helper()
	s, err := natsserver.NewServer(&natsserver.Options{
		ServerName: "broker", Host: "127.0.0.1", Port: natsserver.RANDOM_PORT,
		JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(testkit.Patience) {
		t.Fatalf("the NATS server is not ready within %v", testkit.Patience)
	}
	return s.ClientURL()
}

// start starts the instance, and waits until it is ready.
func (i *instance) start(t *testing.T) {
	t.Helper()
	i.said = &testkit.Log{}
	i.run = exec.CommandContext(t.Context(), i.program, "-addr", i.address, "-token", token, "-backplane", i.backplane)
	i.run.Env = append(os.Environ(), "PORT=") // a platform's, if there is one
	i.run.Stdout, i.run.Stderr = i.said, i.said
	run := i.run
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = run.Wait() }) // it is killed when the test is over, if it has not ended before
	if !testkit.Soon(testkit.Patience, i.isReady) {
		t.Fatalf("the instance at %s is not ready within %v; it said:\n%s", i.address, testkit.Patience, i.said)
	}
}

func (i *instance) isReady() bool {
	time.Sleep(5 * time.Millisecond) // between two questions
	res, err := http.Get("http://" + i.address + "/readyz")
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// replace ends the instance as a platform does, and starts another at its address. It
// returns when that is ready.
func (i *instance) replace(t *testing.T) {
	t.Helper()
	if err := i.run.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := i.run.Wait(); err != nil {
		t.Errorf("the instance at %s ends with %v; it said:\n%s", i.address, err, i.said)
	}
	i.start(t)
}
