package launch

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestSourceIsFoundFromBelow(t *testing.T) {
	source, err := Source()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(filepath.Join(source, "bench", "rivals", "targets", "parked"))
	if again, err := Source(); again != source {
		t.Errorf("from bench/rivals/targets/parked it is %q, %v; want %q", again, err, source)
	}
	t.Chdir(t.TempDir())
	_, err = Source()
	wantError(t, err, "run this in a clone")
}

func TestBuildErrors(t *testing.T) {
	source, err := Source()
	if err != nil {
		t.Fatal(err)
	}
	_, err = Build(t.Context(), source, t.TempDir(), "nothing")
	wantError(t, err, "parked, r3labs")
	_, err = Build(t.Context(), t.TempDir(), t.TempDir(), "parked")
	wantError(t, err, "give the root of a clone")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = Build(ctx, source, t.TempDir(), "parked"); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v; want %v", err, context.Canceled)
	}
}

func TestBuildSaysWhatTheCompilerDoes(t *testing.T) {
	source := t.TempDir()
	folder := filepath.Join(source, "bench", "rivals", "targets", "broken")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"../../go.mod": "module broken\n", "main.go": "package main\n\nfunc main() { missing() }\n"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Build(t.Context(), source, t.TempDir(), "broken")
	wantError(t, err, "undefined: missing")
	t.Setenv("PATH", t.TempDir())
	_, err = Build(t.Context(), source, t.TempDir(), "broken")
	if !errors.Is(err, exec.ErrNotFound) || !strings.Contains(err.Error(), "install Go") {
		t.Errorf("without Go: %v; want %v and the remedy", err, exec.ErrNotFound)
	}
}
