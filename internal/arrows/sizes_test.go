package arrows

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// The core's files and functions stay small enough to be read in one go.
func TestFilesAndFunctionsAreSmall(t *testing.T) {
	const mostOfFile, mostOfFunction = 400, 60
	files := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel("../..", path)
		switch {
		case err != nil:
			return err
		case d.IsDir() && (strings.HasPrefix(rel, ".") && rel != "." || rel == "bench" || rel == "examples"):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		files++
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		if n := set.File(file.Pos()).LineCount(); n > mostOfFile {
			t.Errorf("%s has %d lines, want at most %d: it holds more than one idea", rel, n, mostOfFile)
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := set.Position(f.End()).Line - set.Position(f.Pos()).Line + 1; n > mostOfFunction {
				t.Errorf("%s: %s has %d lines, want at most %d", rel, f.Name.Name, n, mostOfFunction)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 50 {
		t.Errorf("read %d files: the walk has missed the core", files)
	}
}
