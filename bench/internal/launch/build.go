package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Source finds the source tree that the working directory is in: the folder
// with go.work and bench/rivals/targets.
func Source() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the source of the targets: %w", err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if exists(filepath.Join(dir, "go.work")) && exists(targets(dir)) {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("find the source of the targets: neither %s nor a folder above it has go.work and bench/rivals/targets; run this in a clone of github.com/fastsse/fastsse", start)
		}
	}
}

// Targets are the names of the programs below bench/rivals/targets of a source tree,
// sorted.
func Targets(source string) ([]string, error) {
	modules, err := filepath.Glob(filepath.Join(targets(source), "*", "main.go"))
	if err != nil || len(modules) == 0 {
		return nil, fmt.Errorf("list the targets: no programs in %s; give the root of a clone of github.com/fastsse/fastsse", targets(source))
	}
	var names []string
	for _, m := range modules {
		names = append(names, filepath.Base(filepath.Dir(m)))
	}
	return names, nil
}

// Build builds a target from a source tree into dir, with the versions of
// bench/rivals/go.mod even if there is a workspace, and returns the path of the program.
func Build(ctx context.Context, source, dir, name string) (binary string, err error) {
	names, err := Targets(source)
	if err != nil {
		return "", err
	}
	if !slices.Contains(names, name) {
		return "", fmt.Errorf("build target %q: there is no such target; there are %s", name, strings.Join(names, ", "))
	}
	if binary, err = filepath.Abs(filepath.Join(dir, name+suffix())); err != nil {
		return "", fmt.Errorf("build target %q: %w", name, err)
	}
	if err := compile(ctx, filepath.Dir(targets(source)), "./targets/"+name, binary); err != nil {
		return "", fmt.Errorf("build target %q: %w", name, err)
	}
	return binary, nil
}

// BuildPackage builds any program: that of a package, as the module in folder names it or one
// of those that the module requires, with the versions of that module's go.mod. It returns
// the path of the program, which is in dir.
func BuildPackage(ctx context.Context, folder, pkg, dir, name string) (binary string, err error) {
	if binary, err = filepath.Abs(filepath.Join(dir, name+suffix())); err == nil {
		err = compile(ctx, folder, pkg, binary)
	}
	if err != nil {
		return "", fmt.Errorf("build %s: %w", name, err)
	}
	return binary, nil
}

// compile has the go command build a package, as seen from the module in folder.
func compile(ctx context.Context, folder, pkg, binary string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", binary, pkg)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "GOWORK=off")
	cmd.Cancel = func() error { return terminate(cmd.Process) }
	cmd.WaitDelay = grace
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("%w; install Go and put it into PATH", err)
	}
	return fmt.Errorf("go build in %s: %w:\n%s", folder, err, out)
}

func targets(source string) string { return filepath.Join(source, "bench", "rivals", "targets") }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// suffix is the suffix of a program's file name.
func suffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}
