package result

import (
	"encoding/xml"
	"errors"
	"strings"
	"testing"
)

// gated is full, with one gate that failed and one that did not.
func gated(t *testing.T) *Result {
	r := full()
	r.Gates = []Verdict{check(t, "p99>50ms", r), check(t, "lost>1e3", r)}
	return r
}

func TestJUnitHasEachGate(t *testing.T) {
	var out strings.Builder
	if err := JUnit(&out, "run of <x>", gated(t), nil); err != nil {
		t.Fatal(err)
	}
	golden(t, "junit.xml", out.String())
	out.Reset()
	if err := JUnit(&out, "run", nil, errors.New("nobody answered \x1b")); err != nil {
		t.Fatal(err)
	}
	var read struct {
		Tests  int `xml:"tests,attr"`
		Errors int `xml:"errors,attr"`
		Case   struct {
			Error struct {
				Message string `xml:"message,attr"`
			} `xml:"error"`
		} `xml:"testcase"`
	}
	if err := xml.Unmarshal([]byte(out.String()), &read); err != nil || read.Tests != 1 || read.Errors != 1 || !strings.Contains(read.Case.Error.Message, "nobody answered") {
		t.Errorf("%+v, %v in %s", read, err, &out)
	}
}

func TestMarkdownHasGatesAndTable(t *testing.T) {
	var out strings.Builder
	if err := gated(t).Markdown(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"- ❌ `p99>50ms`: p99 = 61.2 ms, and the gate says p99>50ms\n", "- ✅ `lost>1e3`", "```text\nrun of http://", "delivery "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}
