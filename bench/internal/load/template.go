package load

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"text/template"
)

// values are what {{…}} stands for: {{.Stream}} is values["Stream"].
type values map[string]any

// forURL returns the values as they are written in a URL.
func (v values) forURL() values {
	out := maps.Clone(v)
	for name, value := range v {
		switch value := value.(type) {
		case map[string]any:
			out[name] = map[string]any(values(value).forURL())
		case string:
			out[name] = strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
		}
	}
	return out
}

// text is a part of a request, perhaps with {{…}} in it.
type text struct {
	raw    string
	parsed *template.Template // nil: it has no {{…}}
}

func parseText(raw string) (text, error) {
	if !strings.Contains(raw, "{{") {
		return text{raw: raw}, nil
	}
	t, err := template.New("").Option("missingkey=error").Parse(raw)
	if err != nil {
		return text{}, fmt.Errorf("read template %q: %w", raw, err)
	}
	return text{raw, t}, nil
}

func (t *text) fill(v values) (string, error) {
	if t.parsed == nil {
		return t.raw, nil
	}
	var b strings.Builder
	if err := t.parsed.Execute(&b, map[string]any(v)); err != nil {
		return "", fmt.Errorf("fill template %q: %w", t.raw, unknown(err, v))
	}
	return b.String(), nil
}

var noEntry = regexp.MustCompile(`no entry for key "(\w+)"`)

// missing says how to get what {{…}} stands for.
var missing = map[string]string{
	"Port":    "it is the port of a server that ssebench starts: give the server's command at the end, after --",
	"Topic":   "say which topics there are with -topics",
	"Token":   "give a file with a token in each line with -tokens",
	"Login":   "give the request before the stream with -login",
	"Message": "it is only in what is published",
	"ID":      "it is only in what is published",
	"Seq":     "it is only in what is published",
	"Time":    "it is only in what is published",
}

// unknown explains the error of a template that names what is not there.
func unknown(err error, v values) error {
	found := noEntry.FindStringSubmatch(err.Error())
	if found == nil {
		return err
	}
	remedy, known := missing[found[1]]
	if !known {
		names := slices.Sorted(maps.Keys(v))
		remedy = fmt.Sprintf("there are {{.%s}}", strings.Join(names, "}}, {{."))
	}
	return fmt.Errorf("there is no {{.%s}}: %s", found[1], remedy)
}
