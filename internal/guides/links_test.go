package guides

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	unsaid  = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// Links of all pages of the project. Those to other sites are not followed.
func TestLinksLeadSomewhere(t *testing.T) {
	links := 0
	for _, page := range everyPage(t) {
		for _, m := range link.FindAllStringSubmatch(fenced.ReplaceAllString(read(t, page), ""), -1) {
			if !strings.Contains(m[1], "://") {
				links++
				follow(t, page, m[1])
			}
		}
	}
	if links < 20 {
		t.Errorf("the pages have %d links to files: they were not found", links)
	}
}

func everyPage(t *testing.T) (found []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root:
			return filepath.SkipDir
		case filepath.Ext(path) == ".md":
			found = append(found, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func follow(t *testing.T, page, to string) {
	t.Helper()
	path, anchor, _ := strings.Cut(to, "#")
	target := filepath.Join(filepath.Dir(page), path)
	if path == "" {
		target = page
	}
	if _, err := os.Stat(target); err != nil {
		t.Errorf("%s: the link %s leads nowhere: %v", page, to, err)
	} else if anchor != "" && !hasHeading(read(t, target), anchor) {
		t.Errorf("%s: the link %s leads to no heading", page, to)
	}
}

// hasHeading tells whether a heading has this anchor, as GitHub makes them.
func hasHeading(text, anchor string) bool {
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		words := unsaid.ReplaceAllString(strings.ToLower(m[1]), "")
		if strings.ReplaceAll(words, " ", "-") == anchor {
			return true
		}
	}
	return false
}
