//go:build linux

// Command nchan is nginx with the Nchan module, set up only for event streams. It writes
// an nginx.conf and then becomes nginx, so that the process that was started is the one
// that serves: its memory and CPU are nginx's own.
//
// That means one process, which is master and worker at once: with several workers
// their use would have to be summed. The line with the address is printed a moment
// before nginx serves. Nchan 1.3.6 frees something twice when such a process ends, and
// the C library aborts it with a message; until then it serves as usual.
//
//	GET  /events?topic=T   a stream, if Accept is text/event-stream
//	POST /publish?topic=T  the raw body is an event's data
package main

import (
	"errors"
	"flag"
	"fmt"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// module is where Debian has it.
const module = "/usr/lib/nginx/modules/ngx_nchan_module.so"

// conf leaves everything else at its default. Streams begin with the next event, as with
// the other targets; Nchan would send them the whole buffer. The backlog of connections
// is as long as a Go program's. Bodies stay in memory: a temporary file per event would
// measure the disk.
const conf = `%[1]s
daemon off;
master_process off;
worker_processes 1;
error_log stderr warn;
pid "%[2]s/nginx.pid";
events { worker_connections 19000; }
http {
	access_log off;
	client_body_buffer_size 128k;
	client_body_temp_path "%[2]s/body";
	proxy_temp_path "%[2]s/proxy";
	fastcgi_temp_path "%[2]s/fastcgi";
	uwsgi_temp_path "%[2]s/uwsgi";
	scgi_temp_path "%[2]s/scgi";
	server {
		listen %[3]s backlog=4096;
		nchan_channel_id $arg_topic;
		nchan_message_buffer_length 4096;
		nchan_subscriber_first_message newest;
		location = /events { nchan_subscriber eventsource; }
		location = /publish { nchan_publisher http; }
	}
}
`

// errMissing ends the program with status 3.
var errMissing = errors.New("needs nginx with Nchan: apt-get install libnginx-mod-nchan")

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "address to listen on; port 0 takes a free one")
	flag.Parse()
	err := become(*addr)
	fmt.Fprintf(os.Stderr, "nchan: %v\n", err)
	if errors.Is(err, errMissing) {
		os.Exit(3)
	}
	os.Exit(1)
}

// become makes this process nginx. It returns only if it cannot.
func become(addr string) error {
	nginx, load, err := find()
	if err != nil {
		return err
	}
	if addr, err = choose(addr); err != nil {
		return err
	}
	dir, err := workdir()
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, conf, load, dir, addr), 0o600); err != nil {
		return err
	}
	if err := limit(syscall.RLIMIT_NOFILE, math.MaxUint64); err != nil {
		return err
	}
	if err := limit(syscall.RLIMIT_CORE, 0); err != nil { // it is aborted at its end
		return err
	}
	fmt.Printf("serving http://%s/events?topic=T\n", addr)
	return syscall.Exec(nginx, []string{nginx, "-c", file}, os.Environ())
}

// find returns the path of nginx, and the line that loads Nchan, empty if it is built
// in.
func find() (nginx, load string, err error) {
	if nginx, err = exec.LookPath("nginx"); err != nil {
		nginx = "/usr/sbin/nginx" // where only root's PATH may lead
	}
	built, err := exec.Command(nginx, "-V").CombinedOutput()
	if err != nil {
		return "", "", errMissing
	}
	if _, err := os.Stat(module); err == nil {
		return nginx, "load_module " + module + ";", nil
	}
	if strings.Contains(string(built), "nchan") {
		return nginx, "", nil
	}
	return "", "", errMissing
}

// workdir makes a directory for nginx's files. When nginx ends nobody is left to remove
// it: the next run removes the directories whose process is gone.
func workdir() (string, error) {
	prefix := filepath.Join(os.TempDir(), "fastsse-nchan-")
	old, _ := filepath.Glob(prefix + "*")
	for _, dir := range old {
		pid, err := strconv.Atoi(strings.TrimPrefix(dir, prefix))
		if err == nil && (pid == os.Getpid() || syscall.Kill(pid, 0) == syscall.ESRCH) {
			_ = os.RemoveAll(dir)
		}
	}
	dir := prefix + strconv.Itoa(os.Getpid())
	return dir, os.Mkdir(dir, 0o700)
}

// choose returns addr with a free port in place of 0. Others may take that port before
// nginx opens it: without a master, nginx cannot be handed a socket.
func choose(addr string) (string, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return "", fmt.Errorf("%w; choose another address with -addr", err)
	}
	return ln.Addr().String(), ln.Close()
}

// limit sets a soft limit, at most to the hard one. nginx inherits it: without a master
// it sets none itself, and Go undoes, before Exec, the raise that it made by itself.
func limit(resource int, soft uint64) error {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(resource, &l); err != nil {
		return fmt.Errorf("read limit %d of the process: %w", resource, err)
	}
	l.Cur = min(soft, l.Max)
	if err := syscall.Setrlimit(resource, &l); err != nil {
		return fmt.Errorf("set limit %d of the process to %d: %w", resource, l.Cur, err)
	}
	return nil
}
