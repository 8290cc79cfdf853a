package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
)

func init() { targets["nchan"] = nchan }

// module is where Debian has Nchan.
const module = "/usr/lib/nginx/modules/ngx_nchan_module.so"

// nginxConf leaves everything else at its default. There are as many workers as processors,
// with shared memory for all that the flood publishes. Streams begin with the next event, as
// with the other targets; Nchan would send them the whole buffer. The backlog of connections
// is as long as a Go program's. Bodies stay in memory: a temporary file per event would
// measure the disk.
const nginxConf = `load_module %[1]s;
daemon off;
worker_processes auto;
worker_rlimit_nofile 65535;
error_log stderr error;
pid "%[2]s/nginx.pid";
events { worker_connections 32768; }
http {
	access_log off;
	client_body_buffer_size 128k;
	client_body_temp_path "%[2]s/body";
	proxy_temp_path "%[2]s/proxy";
	fastcgi_temp_path "%[2]s/fastcgi";
	uwsgi_temp_path "%[2]s/uwsgi";
	scgi_temp_path "%[2]s/scgi";
	nchan_shared_memory_size 256M;
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

// nchan is nginx with the Nchan module, set up only for event streams, as a child of this
// process: a master with its workers. Its streams need the header Accept: text/event-stream. They
// are answered some milliseconds before they get what another worker is given to publish.
func nchan(ctx context.Context, addr string) error {
	program, err := nginx()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "fastsse-nchan-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, nginxConf, module, dir, addr), 0o644); err != nil {
		return err
	}
	fmt.Printf("serving http://%s/events?topic=T\n", addr)
	cmd := exec.CommandContext(ctx, program, "-c", file, "-p", dir, "-e", "stderr")
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	runtime.LockOSThread() // to the kernel the parent is a thread
	defer runtime.UnlockOSThread()
	if err := cmd.Run(); ctx.Err() == nil {
		return fmt.Errorf("nginx: %w", err)
	}
	return nil
}

// nginx returns the path of nginx.
func nginx() (path string, err error) {
	if path, err = exec.LookPath("nginx"); err != nil {
		path = "/usr/sbin/nginx" // where only root's PATH may lead
	}
	for _, needed := range []string{path, module} {
		if _, err := os.Stat(needed); err != nil {
			return "", fmt.Errorf("%w: needs nginx with Nchan: apt-get install libnginx-mod-nchan", err)
		}
	}
	return path, nil
}
