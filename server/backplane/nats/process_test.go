//go:build unix

package nats

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	natsio "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/fastsse/fastsse/internal/testkit"
)

// configVariable makes this test binary a server with the configuration file that it names.
const configVariable = "FASTSSE_NATS_CONFIG"

func TestMain(m *testing.M) {
	if path := os.Getenv(configVariable); path != "" {
		serve(path)
		return
	}
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given { // tests wait for the most part
		_ = flag.Set("test.parallel", "8")
	}
	os.Exit(m.Run())
}

func serve(path string) {
	options, err := natsserver.ProcessConfigFile(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	server, err := natsserver.NewServer(options)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	server.ConfigureLogger()
	server.Start()
	server.WaitForShutdown()
}

// process is a server in a process of its own.
type process struct {
	t      testing.TB
	name   string // in a cluster
	url    string
	config string
	log    string
	cmd    *exec.Cmd
}

// startProcess starts a server on a port, with more of a configuration file.
func startProcess(t testing.TB, dir string, port int, more string) *process {
	p := &process{
		t: t, url: fmt.Sprintf("nats://127.0.0.1:%d", port),
		config: filepath.Join(dir, "server.conf"), log: filepath.Join(dir, "server.log"),
	}
	conf := fmt.Sprintf("listen: 127.0.0.1:%d\nlog_file: %q\njetstream { store_dir: %q }\n%s\n", port, p.log, dir, more)
	if err := os.WriteFile(p.config, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	p.launch()
	t.Cleanup(p.kill)
	if more == "" {
		p.answers()
	}
	return p
}

// dir is where the server's files are.
func (p *process) dir() string { return filepath.Dir(p.config) }

func (p *process) start() { p.launch(); p.answers() }

func (p *process) launch() {
	p.cmd = exec.Command(os.Args[0])
	p.cmd.Env = append(os.Environ(), configVariable+"="+p.config)
	p.cmd.Stderr = os.Stderr
	if err := p.cmd.Start(); err != nil {
		p.t.Fatalf("start a server: %v", err)
	}
}

// answers waits until JetStream answers.
func (p *process) answers() {
	var err error
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err = p.ask(); err == nil {
			return
		}
	}
	log, _ := os.ReadFile(p.log)
	p.t.Fatalf("the server at %s does not answer: %v\n%s", p.url, err, log)
}

func (p *process) ask() error {
	conn, err := natsio.Connect(p.url)
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_, err = js.AccountInfo(ctx)
	return err
}

func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	_ = p.cmd.Wait()
}

// stall returns when the process has stopped.
func (p *process) stall() {
	p.signal(syscall.SIGSTOP)
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(p.cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		p.t.Fatalf("the server has not stopped: status %v, error %v", status, err)
	}
}

func (p *process) wake() { p.signal(syscall.SIGCONT) }

func (p *process) signal(s syscall.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("send the server %v: %v", s, err)
	}
}

// freePorts returns ports that were free just now.
func freePorts(t testing.TB, n int) (ports []int) {
	t.Helper()
	for len(ports) < n {
		_, port, _ := net.SplitHostPort(testkit.FreeAddress(t))
		if p, _ := strconv.Atoi(port); !slices.Contains(ports, p) {
			ports = append(ports, p)
		}
	}
	return ports
}

// cluster is three servers.
type cluster []*process

func startCluster(t testing.TB) (c cluster) {
	ports := freePorts(t, 6)
	var routes []string
	for _, port := range ports[3:] {
		routes = append(routes, fmt.Sprintf("nats://127.0.0.1:%d", port))
	}
	for i, port := range ports[:3] {
		name := fmt.Sprint("s", i)
		p := startProcess(t, t.TempDir(), port, fmt.Sprintf(
			"server_name: %s\ncluster { name: c, listen: 127.0.0.1:%d, routes: [%s] }", name, ports[3+i], strings.Join(routes, ", ")))
		p.name = name
		c = append(c, p)
	}
	for _, p := range c {
		p.answers()
	}
	return c
}

func (c cluster) url() string {
	var urls []string
	for _, p := range c {
		urls = append(urls, p.url)
	}
	return strings.Join(urls, ",")
}
