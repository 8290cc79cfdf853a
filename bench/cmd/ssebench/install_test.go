package main

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/bench/internal/result"
	"github.com/fastsse/fastsse/internal/absent"
)

// Once both tags are there, ssebench is installed by one command: here from a proxy that has
// this clone after the release step, and all else from the machine's.
func TestInstallsOnceTagged(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds everything anew")
	}
	t.Parallel()
	const root, tag = "github.com/fastsse/fastsse", "v0.1.0"
	dir := t.TempDir()
	clone, proxy, bin := filepath.Join(dir, "clone"), filepath.Join(dir, "proxy"), filepath.Join(dir, "bin")
	copyFiles(t, "../../..", clone)
	if out, err := exec.Command("make", "-C", clone, "release-mod", "VERSION="+tag).CombinedOutput(); err != nil {
		absent.Skipf(t, "make release-mod: %v: %s", err, out)
	}
	proxies, err := exec.Command("go", "env", "GOPROXY").Output()
	if err != nil {
		t.Fatal(err)
	}
	environment := append(os.Environ(), "GOWORK=off", "GOFLAGS=-modcacherw", "GOMODCACHE="+filepath.Join(dir, "mod"), "GOBIN="+bin, "GONOSUMDB="+root,
		"GOPROXY=file://"+proxy+","+strings.TrimSpace(string(proxies)))
	command := func(name string, args ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir, cmd.Env = dir, environment
		return cmd
	}
	if out, err := command("go", "mod", "download", "github.com/valyala/fasthttp@v1.74.0").CombinedOutput(); err != nil {
		absent.Skipf(t, "no module proxy can be reached: %s", out)
	}
	offer(t, proxy, root, tag, clone)
	offer(t, proxy, root+"/bench", tag, filepath.Join(clone, "bench"))
	if out, err := command("go", "install", root+"/bench/cmd/ssebench@"+tag).CombinedOutput(); err != nil {
		t.Fatalf("go install: %v\n%s", err, out)
	}
	ssebench := filepath.Join(bin, "ssebench")
	if out, err := command(ssebench, "-version").Output(); err != nil || !strings.HasPrefix(string(out), "ssebench "+tag+", ") {
		t.Errorf("ssebench -version: %q, %v; want it to say %s", out, err, tag)
	}
	const at = "127.0.0.1:{{.Port}}"
	out, err := command(ssebench, "run", at+"/events?topic=a", "-publish-url", at+"/publish?topic=a", "-c", "10", "-duration", "500ms", "-settle", "10ms",
		"-q", "-json", "-", "--", ssebench, "serve", "-addr", at).Output()
	var r result.Result
	if err != nil || json.Unmarshal(out, &r) != nil || r.Delivered != 50 {
		t.Errorf("ssebench run: %v, %d events delivered; want 5 to each of 10 streams\n%s", err, r.Delivered, out)
	}
}

// copyFiles copies a tree without what git keeps for itself.
func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() == ".git" {
			return skipped(d, err)
		}
		rest, _ := filepath.Rel(from, at)
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rest), 0o777)
		}
		content, err := os.ReadFile(at)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rest), content, 0o666)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func skipped(d fs.DirEntry, err error) error {
	if err == nil && d.IsDir() {
		return fs.SkipDir
	}
	return err
}

// offer makes a proxy offer what is in dir, without the modules below it.
func offer(t *testing.T, proxy, module, version, dir string) {
	t.Helper()
	at := filepath.Join(proxy, module, "@v")
	mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err == nil {
		err = os.MkdirAll(at, 0o777)
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"list": version, version + ".mod": string(mod), version + ".info": fmt.Sprintf(`{"Version":%q}`, version)} {
		if err := os.WriteFile(filepath.Join(at, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Create(filepath.Join(at, version+".zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	err = filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(file, "go.mod")); err == nil && file != dir {
			return fs.SkipDir
		}
		if d.IsDir() {
			return nil
		}
		rest, _ := filepath.Rel(dir, file)
		return pack(z, path.Join(module+"@"+version, filepath.ToSlash(rest)), file)
	})
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func pack(z *zip.Writer, name, file string) error {
	from, err := os.Open(file)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := z.Create(name)
	if err == nil {
		_, err = io.Copy(to, from)
	}
	return err
}
