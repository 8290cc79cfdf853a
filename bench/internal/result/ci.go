package result

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// junitCase is a test case of JUnit's XML, as CI systems read it.
type junitCase struct {
	Class   string    `xml:"classname,attr"`
	Name    string    `xml:"name,attr"`
	Seconds float64   `xml:"time,attr"`
	Failure *junitWhy `xml:"failure"`
	Error   *junitWhy `xml:"error"`
}

type junitWhy struct {
	Message string `xml:"message,attr"`
}

// JUnit writes a test suite of JUnit's XML: the measurement is a test case, which is an error
// if it failed, and so is each gate. r may be nil if it failed.
func JUnit(w io.Writer, name string, r *Result, failed error) error {
	suite := struct {
		XMLName  xml.Name    `xml:"testsuite"`
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Cases    []junitCase `xml:"testcase"`
	}{Name: "ssebench", Cases: []junitCase{{Class: "ssebench", Name: name}}}
	if failed != nil {
		suite.Errors, suite.Cases[0].Error = 1, &junitWhy{failed.Error()}
	}
	if r != nil {
		suite.Cases[0].Seconds = r.Seconds
		for _, v := range r.Gates {
			one := junitCase{Class: "ssebench", Name: v.Gate}
			if v.Failed {
				suite.Failures++
				one.Failure = &junitWhy{v.Text}
			}
			suite.Cases = append(suite.Cases, one)
		}
	}
	suite.Tests = len(suite.Cases)
	text, err := xml.MarshalIndent(suite, "", "  ")
	if err != nil {
		return fmt.Errorf("result: junit: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, text)
	return err
}

// Markdown writes r as the summary of a CI job: the gates, and the text table.
func (r *Result) Markdown(w io.Writer) error {
	var out strings.Builder
	fmt.Fprintf(&out, "### ssebench %s\n\n", r.Command)
	for _, v := range r.Gates {
		fmt.Fprintf(&out, "- %s `%s`: %s\n", map[bool]string{true: "❌", false: "✅"}[v.Failed], plain(v.Gate), plain(v.Text))
	}
	out.WriteString("\n```text\n")
	if err := r.Table(&out, 0); err != nil {
		return err
	}
	_, err := io.WriteString(w, out.String()+"```\n\n")
	return err
}
