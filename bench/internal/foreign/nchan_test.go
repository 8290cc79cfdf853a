package foreign

import (
	"crypto/x509"
	"encoding/pem"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/bench/internal/check"
	"github.com/fastsse/fastsse/internal/absent"
	"github.com/fastsse/fastsse/internal/testkit"
)

// nchan is a running nginx of testdata/nchan.conf: a master, whose process id it is given
// by, and two workers.
func nchan(t *testing.T) (pid int, plain, tls, certificate string) {
	t.Helper()
	program := "/usr/sbin/nginx"
	for _, needed := range []string{program, "/usr/lib/nginx/modules/ngx_nchan_module.so"} {
		if _, err := os.Stat(needed); err != nil {
			absent.Skipf(t, "needs nginx with Nchan: apt-get install nginx libnginx-mod-nchan (%v)", err)
		}
	}
	dir := t.TempDir()
	conf, err := os.ReadFile("testdata/nchan.conf")
	if err != nil {
		t.Fatal(err)
	}
	certificate = writeCertificate(t, dir)
	_, tls, _ = net.SplitHostPort(testkit.FreeAddress(t))
	file := filepath.Join(dir, "nginx.conf")
	text := strings.NewReplacer("DIR", dir, "TLS", tls).Replace(string(conf))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// nginx reads no environment: its port comes into the file as it starts.
	s := start(t, "sh", "-c", `cd "$1" && sed -i "s/PORT/$PORT/" nginx.conf && exec "$0" -p . -e error.log -c nginx.conf`, program, dir)
	return s.PID(), s.URL(), "https://127.0.0.1:" + tls, certificate
}

// writeCertificate writes cert.pem and key.pem, and returns the path of the first.
func writeCertificate(t *testing.T, dir string) string {
	t.Helper()
	c := testkit.Certificate(t)
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: c.Certificate[0]},
		"key.pem":  {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(&block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "cert.pem")
}

func TestNchan(t *testing.T) {
	t.Parallel()
	pid, plain, tls, certificate := nchan(t)
	for _, way := range []struct {
		name, url string
		flags     []string
		http2     bool
	}{
		{"http", plain, nil, false},
		{"https", tls, []string{"-cacert", certificate}, false},
		{"h2", tls, []string{"-cacert", certificate}, true},
	} {
		topic := "?topic=" + way.name
		s := &service{pid, append([]string{way.url + "/events" + topic, "-publish-url", way.url + "/publish" + topic}, way.flags...)}
		var only []string // of run and storm: check tries both protocols
		if way.http2 {
			only = []string{"-http2"}
		}
		t.Run("run by "+way.name, func(t *testing.T) {
			t.Parallel()
			if f := s.run(t, only...); f.Server.Processes != 3 {
				t.Errorf("%d processes were measured, want the master and two workers", f.Server.Processes)
			}
		})
		t.Run("storm by "+way.name, func(t *testing.T) {
			t.Parallel()
			s.storm(t, inMemory, only...)
		})
	}
	t.Run("fast, on connections that end", func(t *testing.T) {
		t.Parallel()
		s := &service{pid, []string{plain + "/events?topic=fast", "-publish-url", plain + "/publish?topic=fast"}}
		f := measure(t, append(append([]string{"run", "-duration", "1s"}, s.measured()...), "-rate", "2000")...)
		if f.Published != 2000 {
			t.Errorf("%d events published, want 2000", f.Published)
		}
		f.expectNothingLost(t)
	})
	want := findings{
		"answer/cache-control":  check.Warn,
		"answer/framing":        check.Warn,
		"stream/comments":       check.Warn,
		"stream/retry":          check.Warn,
		"resume/gap":            check.Fail,
		"protocol/head-method":  check.Fail,
		"protocol/wrong-method": check.Warn,
	}
	t.Run("check by http", func(t *testing.T) {
		t.Parallel()
		s := &service{pid, []string{plain + "/events?topic=c", "-publish-url", plain + "/publish?topic=c"}}
		s.check(t, want)
	})
	t.Run("check by https", func(t *testing.T) {
		t.Parallel()
		behind := maps.Clone(want)
		delete(behind, "answer/framing") // nginx sends chunks of what it is sent without
		s := &service{pid, []string{tls + "/events?topic=d", "-publish-url", tls + "/publish?topic=d", "-cacert", certificate}}
		s.check(t, behind)
	})
}
