// Package guides holds README.md and the pages of docs to what they say: their Go compiles,
// their JavaScript and Python parse, and their links lead somewhere.
//
// A Go block is a whole file, declarations, or statements. What the statements use, and
// what their function returns, stands in a comment before the block, which no reader sees:
//
//	<!-- go: (hub *server.Hub) error -->
//
// Imports are put in front of blocks that have none.
package guides

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/internal/absent"
)

const root = "../.."

// block is the code between two fences.
type block struct {
	page      string
	line      int    // of its first line
	language  string // what follows the fence that opens it
	signature string // what the comment before it says
	code      string
}

var fenced = regexp.MustCompile("(?ms)(?:^<!-- go: ([^\n]*) -->\n)?^```([a-z]+)\n(.*?)^```$")

// pages are the pages whose code is looked at.
func pages(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(root + "/docs/*.md")
	if err != nil || len(found) < 2 {
		t.Fatalf("pages of docs: %v, %v", found, err)
	}
	return append(found, root+"/README.md")
}

// blocks returns all blocks of a language.
func blocks(t *testing.T, language string) (found []block) {
	t.Helper()
	for _, page := range pages(t) {
		text := read(t, page)
		for _, m := range fenced.FindAllStringSubmatchIndex(text, -1) {
			b := block{page: filepath.Base(page), language: text[m[4]:m[5]], code: text[m[6]:m[7]]}
			b.line = 1 + strings.Count(text[:m[6]], "\n")
			if m[2] >= 0 {
				b.signature = text[m[2]:m[3]]
			}
			if b.language == language {
				found = append(found, b)
			}
		}
	}
	if len(found) == 0 {
		t.Fatalf("no page has a block of %s", language)
	}
	return found
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestJavaScriptParses(t *testing.T) {
	for _, b := range blocks(t, "js") {
		parses(t, b, ".mjs", "node", "--check")
	}
}

func TestPythonParses(t *testing.T) {
	for _, b := range blocks(t, "python") {
		parses(t, b, ".py", "python3", "-c", "import ast, sys; ast.parse(open(sys.argv[1]).read())")
	}
}

// parses has a program look at a block.
func parses(t *testing.T, b block, ending string, program ...string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "block"+ending)
	if err := os.WriteFile(file, []byte(b.code), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := run("", append(program, file)...)
	switch {
	case missing(err):
		absent.Skipf(t, "%s is not installed: the %s of the guides is not looked at", program[0], b.language)
	case err != nil:
		t.Errorf("%s:%d: %v\n%s", b.page, b.line, err, out)
	}
}
