// Package build builds programs from the source tree of the project.
package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// Source finds the source tree that the working directory is in: the folder with go.work
// and bench/rivals.
func Source() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the project's source: %w", err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if exists(dir, "go.work") && exists(dir, "bench", "rivals") {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("find the project's source: neither %s nor a folder above it has go.work and bench/rivals; run this in a clone of github.com/fastsse/fastsse", start)
		}
	}
}

func exists(path ...string) bool {
	_, err := os.Stat(filepath.Join(path...))
	return err == nil
}

// Program builds the program of a package, as the module in folder names it or one of those
// that the module requires, with the versions of that module's go.mod even if there is a
// workspace. It returns the path of the program, dir/name.
func Program(ctx context.Context, folder, pkg, dir, name string) (program string, err error) {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if program, err = filepath.Abs(filepath.Join(dir, name)); err != nil {
		return "", fmt.Errorf("build %s: %w", name, err)
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", program, pkg)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "GOWORK=off")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	switch {
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	case errors.Is(err, exec.ErrNotFound):
		err = fmt.Errorf("%w; install Go and put it into PATH", err)
	case err != nil:
		err = fmt.Errorf("go build in %s: %w:\n%s", folder, err, out)
	default:
		return program, nil
	}
	return "", fmt.Errorf("build %s: %w", name, err)
}
