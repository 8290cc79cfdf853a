package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

var (
	consoles   = regexp.MustCompile("(?ms)^```console\n(.*?)^```$")
	quoted     = regexp.MustCompile(`'[^']*'|"[^"]*"`)
	invocation = regexp.MustCompile(`\bssebench ([a-z]+)\b([^|;&#>]*)`)
	flagOf     = regexp.MustCompile(`\s--?([a-zA-Z][a-zA-Z0-9-]*)`)
)

// The flags of ssebench that the guides show are there.
func TestGuidesShowFlagsThatExist(t *testing.T) {
	parser, err := kong.New(&commands{}, kong.Vars{"version": "x"})
	if err != nil {
		t.Fatal(err)
	}
	flags := map[string]map[string]bool{}
	for _, c := range parser.Model.Children {
		flags[c.Name] = flagsBelow(c)
	}
	root := "../../.."
	pages, err := filepath.Glob(root + "/docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, page := range append(pages, root+"/README.md", root+"/bench/README.md") {
		for _, m := range invocations(t, page) {
			known, ok := flags[m[1]]
			if !ok {
				t.Errorf("%s: ssebench %s: there is no such command", page, m[1])
			}
			line, _, _ := strings.Cut(m[2]+" ", " -- ")
			for _, f := range flagOf.FindAllStringSubmatch(line, -1) {
				shown++
				if !known[f[1]] {
					t.Errorf("%s: ssebench %s has no flag -%s", page, m[1], f[1])
				}
			}
		}
	}
	if shown < 50 {
		t.Errorf("the guides show %d flags: they were not found", shown)
	}
}

// invocations are the command and the flags of each use of ssebench in the consoles of a page,
// without what is in quotes.
func invocations(t *testing.T, page string) (found [][]string) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range consoles.FindAllStringSubmatch(string(text), -1) {
		for line := range strings.SplitSeq(strings.ReplaceAll(block[1], "\\\n", ""), "\n") {
			if typed, ok := strings.CutPrefix(line, "$ "); ok {
				found = append(found, invocation.FindAllStringSubmatch(quoted.ReplaceAllString(typed, "Q"), -1)...)
			}
		}
	}
	return found
}

func flagsBelow(command *kong.Node) map[string]bool {
	names := map[string]bool{}
	for _, f := range command.Flags {
		names[f.Name], names["no-"+f.Name] = true, true
		for _, other := range f.Aliases {
			names[other] = true
		}
		if f.Short != 0 {
			names[string(f.Short)] = true
		}
	}
	return names
}
