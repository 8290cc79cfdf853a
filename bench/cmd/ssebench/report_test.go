package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/bench/internal/result"
)

// saved is a file with a result of this name.
func saved(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name+".json")
	if err := (&result.Result{Command: "run", Name: name, Asked: 10, Opened: 10}).WriteFile(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReportRendersSavedResults(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.html")
	var out, errs bytes.Buffer
	if status := run(t.Context(), []string{"report", "-o", page, saved(t, "one"), saved(t, "two")}, &out, &errs); status != 0 {
		t.Fatalf("status %d, said %q", status, errs.String())
	}
	html, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(html), "<title>2 results compared</title>") || !strings.Contains(out.String(), page) {
		t.Errorf("the page of %d bytes is no comparison, or its name is not said: %q", len(html), out.String())
	}
}

func TestReportWritesToStandardOutput(t *testing.T) {
	var out, errs bytes.Buffer
	status := run(t.Context(), []string{"report", "-o", "-", "-title", "Evening", saved(t, "one")}, &out, &errs)
	if status != 0 || !strings.HasPrefix(out.String(), "<!doctype html>") || !strings.Contains(out.String(), "<title>Evening</title>") {
		t.Errorf("status %d, %d bytes, said %q; want the page and nothing else", status, out.Len(), errs.String())
	}
}

func TestReportThatCannotBeMadeLeavesTheOldOne(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.html")
	if err := os.WriteFile(page, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ file, says string }{
		{filepath.Join(t.TempDir(), "none.json"), "ssebench run -json"},
		{page, "not a result"},
	} {
		var out, errs bytes.Buffer
		status := run(t.Context(), []string{"report", "-o", page, saved(t, "one"), c.file}, &out, &errs)
		if status != 1 || !strings.Contains(errs.String(), c.file) || !strings.Contains(errs.String(), c.says) {
			t.Errorf("%s: status %d, said %q; want the file and %q", c.file, status, errs.String(), c.says)
		}
	}
	if old, _ := os.ReadFile(page); string(old) != "old" {
		t.Errorf("the report is %q now, want what it was", old)
	}
}
