package site

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/fastsse/fastsse/bench/internal/launch"
)

// startProxy starts the proxy with its configuration of examples/proxies. What depends on
// the machine is replaced in it: ports, the certificate, the list of the instances, and where
// nginx keeps its files.
func (s *Site) startProxy(ctx context.Context, c *Config, http1, http2 int) error {
	program, err := find(c.Proxy)
	if err != nil {
		return err
	}
	pem, err := writeCertificate(s.dir)
	if err != nil {
		return err
	}
	file, args, replaced := s.nginx(program)
	if c.Proxy == "haproxy" {
		file, args, replaced = s.haproxy(program)
	}
	replaced = append(replaced, listening(c.Proxy, http1, http2)...)
	replaced = append(replaced, "site.pem", pem)
	if err := configure(filepath.Join(c.Source, "examples", "proxies", file), filepath.Join(s.dir, file), replaced); err != nil {
		return err
	}
	p, err := launch.CommandAt(ctx, args, http1, nil)
	if err != nil {
		return err
	}
	s.others = append([]*launch.Server{p}, s.others...)
	s.URL = p.URL()
	return nil
}

// listening is what is replaced so that the proxy listens at these ports, and on 127.0.0.1
// alone: nobody else is to reach a measurement.
func listening(proxy string, http1, http2 int) []string {
	directive, everywhere := "listen ", ""
	if proxy == "haproxy" {
		directive, everywhere = "bind ", ":"
	}
	pairs := []string{}
	for _, port := range [][2]int{{8000, http1}, {8443, http2}} {
		pairs = append(pairs, directive+everywhere+strconv.Itoa(port[0]), directive+"127.0.0.1:"+strconv.Itoa(port[1]))
	}
	return pairs
}

// nginx is how nginx is started, and what is replaced in its configuration, in pairs. It runs
// as one process, which ends with this one.
func (s *Site) nginx(program string) (file string, args, replaced []string) {
	var list, temporary strings.Builder
	for i, one := range s.slots {
		fmt.Fprintf(&list, "%sserver 127.0.0.1:%d max_fails=0;", indent(i), one.port)
	}
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&temporary, " %s_temp_path %s/%[1]s;", kind, s.dir)
	}
	args = []string{program, "-p", s.dir, "-c", filepath.Join(s.dir, "nginx.conf"), "-e", filepath.Join(s.dir, "nginx.log"),
		"-g", "daemon off; master_process off; pid " + filepath.Join(s.dir, "nginx.pid") + ";"}
	return "nginx.conf", args, []string{
		"server 127.0.0.1:8080 max_fails=0;", list.String(),
		"\nhttp {", "\nhttp {\n\taccess_log off;" + temporary.String(),
	}
}

// haproxy is the same for HAProxy.
func (s *Site) haproxy(program string) (file string, args, replaced []string) {
	var list strings.Builder
	for i, one := range s.slots {
		fmt.Fprintf(&list, "%sserver app%d 127.0.0.1:%d", indent(i), i+1, one.port)
	}
	return "haproxy.cfg", []string{program, "-f", filepath.Join(s.dir, "haproxy.cfg")},
		[]string{"server app 127.0.0.1:8080", list.String()}
}

// indent is what comes before the i-th line of a list, in the middle of an indented line.
func indent(i int) string {
	if i == 0 {
		return ""
	}
	return "\n\t\t"
}

// configure copies a configuration with the second of each pair in place of the first, which
// must be there.
func configure(from, to string, pairs []string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("configure the proxy: %w", err)
	}
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(string(text), pairs[i]) {
			return fmt.Errorf("configure the proxy: %s has no %q, in whose place %q would be put; write it as before, or change package site", from, pairs[i], pairs[i+1])
		}
	}
	changed := strings.NewReplacer(pairs...).Replace(string(text)) // in one go: no port is replaced twice
	if err := os.WriteFile(to, []byte(changed), 0o600); err != nil {
		return fmt.Errorf("configure the proxy: %w", err)
	}
	return nil
}
