package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/fastsse/fastsse/internal/absent"
)

// A container made by the Dockerfile has the program in it, and nothing else: no libraries,
// no certificates, no /dev.
func TestProgramNeedsNothingBesideItself(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		absent.Skipf(t, "chroot needs root")
	}
	exe := build(t, forContainer)
	info, err := os.Stat(exe)
	if err != nil {
		t.Fatal(err)
	}
	const most = 15 << 20
	t.Logf("the program has %d bytes", info.Size())
	if info.Size() > most {
		t.Errorf("the program has %d bytes, want at most %d: a cold start loads it", info.Size(), most)
	}
	as, _ := container(t, exe)
	p := startAs(t, "/cloud", nil, as)
	if res := p.get("/readyz"); res.StatusCode != 200 {
		t.Errorf("/readyz: %s", res.Status)
	}
	if err := p.exit(); err != nil {
		t.Errorf("%v\n%s", err, p.log)
	}
}

// container makes a process see a folder alone that has a copy of exe, as a user without
// rights.
func container(t *testing.T, exe string) (as *syscall.SysProcAttr, dir string) {
	t.Helper()
	program, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "cloud"), program, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return &syscall.SysProcAttr{Chroot: dir, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}, dir
}

// Brokers with TLS are known by the certificates that the Dockerfile copies to their place,
// and are refused without.
func TestContainerKnowsBrokersByTheirCertificates(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		absent.Skipf(t, "chroot needs root")
	}
	const place = "etc/ssl/certs/ca-certificates.crt"
	if text, err := os.ReadFile("Dockerfile"); err != nil || !strings.Contains(string(text), "COPY --from=build /"+place+" /"+filepath.Dir(place)+"/\n") {
		t.Errorf("the Dockerfile does not copy the certificates (error %v)", err)
	}
	as, dir := container(t, build(t, forContainer))
	file := filepath.Join(dir, place)
	names := []string{startTLSRedis(t), startTLSNATS(t)}
	for _, name := range names {
		p := launch(t, "/cloud", nil, as, "-backplane", name)
		if err := p.wait(); err == nil || !p.log.Has("certificate signed by unknown authority") {
			t.Errorf("%s without certificates: %v\n%s", name, err, p.log)
		}
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	certificate, _ := pemOf(t)
	if err := os.WriteFile(file, certificate, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		p := startAs(t, "/cloud", []string{"TOKEN=secret"}, as, "-backplane", name)
		if status := p.publish("secret", "news", "kept"); status != 200 {
			t.Errorf("%s: publishing: %d\n%s", name, status, p.log)
		}
		if err := p.exit(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, p.log)
		}
	}
}
