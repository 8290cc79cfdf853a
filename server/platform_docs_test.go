package server_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/fastsse/fastsse/server"
)

// The table in docs/platforms has a row for each platform, with what its preset sets.
func TestPlatformsAreDocumentedAsTheyAre(t *testing.T) {
	page, err := os.ReadFile("../docs/platforms/README.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile("(?m)^\\|.*\\(`([a-z][a-z-]*)`\\).*\\| (\\S+) \\| (\\S+) \\|$")
	documented := map[string]bool{}
	for _, m := range row.FindAllStringSubmatch(string(page), -1) {
		p, err := server.PlatformNamed(m[1])
		if err != nil {
			t.Errorf("docs/platforms/README.md: %v", err)
			continue
		}
		documented[p.Name] = true
		if m[2] != p.MaxAge.String() || m[3] != p.Grace.String() {
			t.Errorf("docs/platforms/README.md says of %s: MaxAge %s, Grace %s; it sets %v and %v", p.Name, m[2], m[3], p.MaxAge, p.Grace)
		}
	}
	_, err = server.PlatformNamed("nowhere")
	_, list, _ := strings.Cut(err.Error(), "give one of ")
	list, _, _ = strings.Cut(list, ", or none")
	for _, name := range strings.Split(list, ", ") {
		if !documented[name] {
			t.Errorf("docs/platforms/README.md has no row for %q, or one of another form", name)
		}
	}
}
