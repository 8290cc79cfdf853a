package build

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
	t.Chdir(filepath.Join(source, "bench", "rivals", "targets"))
	if again, err := Source(); again != source {
		t.Errorf("from bench/rivals/targets it is %q, %v; want %q", again, err, source)
	}
	t.Chdir(t.TempDir())
	_, err = Source()
	wantError(t, err, "run this in a clone")
}

func TestProgramErrors(t *testing.T) {
	folder := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module broken\n", "main.go": "package main\n\nfunc main() { missing() }\n"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Program(t.Context(), folder, ".", t.TempDir(), "broken")
	wantError(t, err, "undefined: missing")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = Program(ctx, folder, ".", t.TempDir(), "broken"); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v; want %v", err, context.Canceled)
	}
	t.Setenv("PATH", t.TempDir())
	_, err = Program(t.Context(), folder, ".", t.TempDir(), "broken")
	if wantError(t, err, "install Go"); !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("without Go: %v; want %v", err, exec.ErrNotFound)
	}
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v; want one with %q", err, want)
	}
}
