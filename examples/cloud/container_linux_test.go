package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/fastsse/fastsse/internal/absent"
)

// A container made by the Dockerfile has the program in it, and nothing else: no libraries,
// no certificates, no /dev.
func TestProgramNeedsNothingBesideItself(t *testing.T) {
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
	if err := os.Chmod(filepath.Dir(exe), 0o755); err != nil {
		t.Fatal(err)
	}
	p := startAs(t, "/cloud", nil, &syscall.SysProcAttr{
		Chroot: filepath.Dir(exe), Credential: &syscall.Credential{Uid: 65532, Gid: 65532},
	})
	if res := p.get("/readyz"); res.StatusCode != 200 {
		t.Errorf("/readyz: %s", res.Status)
	}
	if err := p.exit(); err != nil {
		t.Errorf("%v\n%s", err, p.log)
	}
}
