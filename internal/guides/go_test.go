package guides

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	// What is compiled here is tested again when one of these has changed.
	_ "github.com/fastsse/fastsse/client"
	_ "github.com/fastsse/fastsse/client/fasthttpsse"
	_ "github.com/fastsse/fastsse/server"
)

// known are the packages that a block without imports may use.
var known = map[string]string{
	"client":       "github.com/fastsse/fastsse/client",
	"compress":     "github.com/gofiber/fiber/v3/middleware/compress",
	"context":      "context",
	"errors":       "errors",
	"fasthttp":     "github.com/valyala/fasthttp",
	"fastsse":      "github.com/fastsse/fastsse",
	"fiber":        "github.com/gofiber/fiber/v3",
	"fasthttpsse":  "github.com/fastsse/fastsse/client/fasthttpsse",
	"fmt":          "fmt",
	"http":         "net/http",
	"json":         "encoding/json",
	"log":          "log",
	"metrics":      "github.com/fastsse/fastsse/server/metrics",
	"os":           "os",
	"router":       "github.com/fasthttp/router",
	"server":       "github.com/fastsse/fastsse/server",
	"strconv":      "strconv",
	"streamwriter": "github.com/fastsse/fastsse/streamwriter",
	"strings":      "strings",
	"sync":         "sync",
	"time":         "time",
}

// TestGoCompiles builds all blocks in a workspace of the modules of this one.
func TestGoCompiles(t *testing.T) {
	dir := t.TempDir()
	workspace(t, dir)
	of := map[string]string{} // where the block of a folder is
	for i, b := range blocks(t, "go") {
		folder := fmt.Sprintf("block%d", i)
		of[folder] = fmt.Sprintf("%s:%d", b.page, b.line)
		write(t, filepath.Join(dir, folder, "block.go"), file(b))
	}
	out, err := run(dir, "go", "build", "-buildvcs=false", "./...")
	if err == nil {
		return
	}
	for folder, place := range of {
		out = strings.ReplaceAll(out, folder+string(filepath.Separator)+"block.go", place+", wrapped, in line ")
	}
	t.Errorf("%v\n%s", err, out)
}

// file makes a whole file of a block.
func file(b block) string {
	const head = "package block\n"
	switch {
	case strings.HasPrefix(b.code, "package "):
		return b.code
	case isFile(head + b.code):
		return head + imports(b.code) + b.code
	}
	wrapped := "func _" + signature(b) + " {\n" + b.code
	if !strings.HasSuffix(signature(b), ")") {
		wrapped += "panic(0)\n" // where statements do not end with a return
	}
	return head + imports(wrapped+"}\n") + wrapped + "}\n"
}

func signature(b block) string {
	if b.signature == "" {
		return "()"
	}
	return b.signature
}

func isFile(src string) bool {
	_, err := parser.ParseFile(token.NewFileSet(), "", src, 0)
	return err == nil
}

// imports are the import lines of what code uses.
func imports(code string) string {
	f, _ := parser.ParseFile(token.NewFileSet(), "", "package block\n"+code, 0) // errors are the compiler's to tell
	if f == nil {
		return ""
	}
	var lines []string
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := s.X.(*ast.Ident); ok && known[x.Name] != "" {
				lines = append(lines, fmt.Sprintf("import %q\n", known[x.Name]))
			}
		}
		return true
	})
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "")
}

// workspace makes dir a module in a workspace of all modules of the project.
func workspace(t *testing.T, dir string) {
	t.Helper()
	out, err := run(root, "go", "work", "edit", "-json")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var work struct {
		Go  string
		Use []struct{ DiskPath string }
	}
	if err := json.Unmarshal([]byte(out), &work); err != nil {
		t.Fatal(err)
	}
	from, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	text := "go " + work.Go + "\nuse .\n"
	for _, module := range work.Use {
		text += fmt.Sprintf("use %q\n", filepath.Join(from, module.DiskPath))
	}
	write(t, filepath.Join(dir, "go.work"), text)
	write(t, filepath.Join(dir, "go.work.sum"), read(t, root+"/go.work.sum"))
	write(t, filepath.Join(dir, "go.mod"), "module guides.test\n\ngo "+work.Go+"\n")
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// run runs a program in dir, and returns what it has printed.
func run(dir string, program ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program[0], program[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=", "GOFLAGS=")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// missing tells whether err says that there is no such program.
func missing(err error) bool { return errors.Is(err, exec.ErrNotFound) }
