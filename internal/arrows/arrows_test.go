// Package arrows holds the project's import arrows: they point down only.
package arrows

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/fastsse/fastsse"

// format is the package at the root: every room may import it, and it imports none.
const format = "."

// may says which of the project's packages each may import. A folder stands for
// everything below it; the longest that fits a file counts.
var may = map[string][]string{
	"internal/absent":     {},
	"internal/arrows":     {},
	"internal/backoff":    {},
	"internal/guides":     {"internal/absent", "client", "server"},
	"internal/header":     {},
	"internal/hijack":     {},
	"internal/queue":      {},
	"internal/soak":       {},
	"internal/socket":     {},
	"internal/testkit":    {},
	"internal/transcript": {},
	"internal/vectors":    {},
	"internal/eventlog":   {},
	"internal/cursor":     {"internal/eventlog", "internal/backoff"},
	"internal/delivery":   {"internal/cursor", "internal/eventlog", "internal/socket", "internal/queue"},
	"client":              {"internal/backoff"},
	"client/fasthttpsse":  {},
	"streamwriter":        {"internal/header", "internal/hijack", "internal/socket", "internal/backoff"},
	"server": {
		"streamwriter", "internal/delivery", "internal/cursor", "internal/eventlog",
		"internal/header", "internal/hijack", "internal/socket", "internal/queue", "internal/backoff",
	},
	"server/servertest":              {"server", "streamwriter"},
	"server/backplane":               {}, // neither it nor what implements it knows the hub
	"server/backplane/redis":         {"server/backplane"},
	"server/backplane/backplanetest": {"server/backplane"},
	"server/backplane/nats":          {"server/backplane"},
	"server/backplane/soak":          {"server", "streamwriter"}, // tests of all of them together
	// the hub on what implements it
	"server/backplane/backplanetest/hubs": {"server", "streamwriter", "server/backplane", "internal/testkit"},
	"server/metrics":                      {"server", "streamwriter"},
	"bench":                               {"server", "streamwriter", "bench"},
	"bench/internal":                      {},         // it knows no server: only ssebench serve does
	"bench/internal/launch":               {},         // it runs programs, and knows none
	"bench/rivals":                        {"bench"},  // it starts programs
	"bench/rivals/targets":                {"server"}, // what is measured does not know the bench
	"examples":                            {"server", "server/metrics", "server/backplane", "streamwriter", "client", "examples"},
	"examples/internal":                   {"server", "streamwriter", "examples/internal", "internal/absent", "internal/testkit"},
}

// outside says what of other modules the core may import.
var outside = []string{"github.com/valyala/fasthttp", "github.com/fasthttp/router", "golang.org/x/sys/"}

// alone says what only one room may import, besides what the core may: each is a module of
// its own for that reason.
var alone = map[string]string{
	"github.com/prometheus/": "server/metrics",
	"github.com/redis/":      "server/backplane/redis",
	"github.com/nats-io/":    "server/backplane/nats",
}

func TestImportsPointDown(t *testing.T) {
	files := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != "..":
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go"):
			return nil
		}
		files++
		checkFile(t, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 20 {
		t.Errorf("read %d files: the walk has missed the project", files)
	}
}

func checkFile(t *testing.T, path string) {
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), path, src, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	rel, err := filepath.Rel("../..", path)
	if err != nil {
		t.Fatal(err)
	}
	room, allowed := roomOf(filepath.ToSlash(rel))
	if room == "" {
		t.Errorf("%s is in no room that this test knows; add its folder and what it may import", rel)
		return
	}
	isTest := strings.HasSuffix(path, "_test.go")
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		checkImport(t, rel, room, imported, allowed, isTest)
	}
}

func checkImport(t *testing.T, file, room, imported string, allowed []string, isTest bool) {
	if imported == module {
		return
	}
	if own, ok := strings.CutPrefix(imported, module+"/"); ok {
		inRoom := own == room || strings.HasPrefix(own, room+"/")
		testHelp := isTest && below(own, []string{"internal/absent", "internal/testkit", "internal/transcript", "internal/vectors", "internal/soak", "server/backplane/backplanetest"})
		bothEnds := isTest && (room == "client" || room == "bench/internal") && below(own, []string{"server", "streamwriter"}) // of ours
		if !inRoom && !testHelp && !bothEnds && !below(own, allowed) {
			t.Errorf("%s imports %s: the arrow does not point down (%s may import %v)", file, own, room, allowed)
		}
		return
	}
	if room == format && strings.Contains(imported, ".") {
		t.Errorf("%s imports %s: the format needs the standard library alone", file, imported)
	}
	if below(room, []string{"internal"}) && room != "internal/hijack" && !isTest && strings.HasPrefix(imported, "github.com/valyala/") {
		t.Errorf("%s imports %s: only internal/hijack knows fasthttp", file, imported)
	}
	if room == "client" && !isTest && strings.HasPrefix(imported, "github.com/valyala/") {
		t.Errorf("%s imports %s: programs of net/http that use the client need no fasthttp", file, imported)
	}
	for prefix, only := range alone {
		if strings.HasPrefix(imported, prefix) {
			if room != only && !(isTest && below(room, []string{"examples", "server/backplane/soak"})) {
				t.Errorf("%s imports %s: only %s may, and tests of the examples and the soak", file, imported, only)
			}
			return
		}
	}
	core := !below(room, []string{"bench", "examples"})
	if core && strings.Contains(strings.Split(imported, "/")[0], ".") && !hasAnyPrefix(imported, outside) {
		t.Errorf("%s imports %s: the core module needs %v and nothing else", file, imported, outside)
	}
}

// roomOf returns the longest folder of may that the file is in.
func roomOf(file string) (room string, allowed []string) {
	if !strings.Contains(file, "/") {
		return format, nil
	}
	for folder, list := range may {
		if strings.HasPrefix(file, folder+"/") && len(folder) > len(room) {
			room, allowed = folder, list
		}
	}
	return room, allowed
}

func below(path string, folders []string) bool {
	for _, f := range folders {
		if path == f || strings.HasPrefix(path, f+"/") {
			return true
		}
	}
	return false
}

func hasAnyPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}
