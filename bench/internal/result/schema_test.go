package result

import (
	"cmp"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"
)

// object is a JSON object; encoding/json sorts its names.
type object map[string]any

// schemaWriter writes the JSON Schema of Result: names and types are those of the Go types,
// descriptions are the comments in result.go or, where there is none, the labels of figures.
type schemaWriter struct {
	t        *testing.T
	comments map[string]string // of types, and of fields, as Type.Field
	labels   map[string]string // of figures
	defs     object
}

func TestSchemaIsThatOfResult(t *testing.T) {
	w := &schemaWriter{t: t, comments: commentsOf(t, "result.go"), labels: map[string]string{}, defs: object{}}
	for _, f := range figures() {
		w.labels[f.Path] = f.Label
	}
	root := w.object(reflect.TypeFor[Result]())
	root["$schema"], root["$id"] = "https://json-schema.org/draft/2020-12/schema", "https://github.com/fastsse/fastsse/bench/result/schema.json"
	root["title"], root["$defs"] = Schema, w.defs
	var text strings.Builder
	if err := Indented(&text, root); err != nil {
		t.Fatal(err)
	}
	golden(t, "../schema.json", text.String())
}

// commentsOf are the comments of a file's types and their fields.
func commentsOf(t *testing.T, path string) map[string]string {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	comments := map[string]string{}
	name, about := "", ""
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			about = n.Doc.Text()
		case *ast.TypeSpec:
			name, comments[n.Name.Name] = n.Name.Name, sentence(about)
		case *ast.Field:
			for _, field := range n.Names {
				comments[name+"."+field.Name] = sentence(n.Doc.Text() + n.Comment.Text())
			}
		}
		return true
	})
	return comments
}

// sentence is a comment in one line that begins with a capital letter.
func sentence(comment string) string {
	text := []rune(strings.Join(strings.Fields(comment), " "))
	if len(text) > 0 {
		text[0] = unicode.ToUpper(text[0])
	}
	return string(text)
}

func (w *schemaWriter) object(typ reflect.Type) object {
	properties, required := object{}, []string{}
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		optional := options == "omitempty"
		if !optional {
			required = append(required, name)
		}
		value := w.value(f.Type, !optional)
		about := cmp.Or(w.comments[typ.Name()+"."+f.Name], sentence(w.labels[name]))
		if about == "" {
			w.t.Errorf("%s.%s has no comment", typ.Name(), f.Name)
		}
		value["description"] = about
		properties[name] = value
	}
	return object{"description": w.comments[typ.Name()], "type": "object", "required": required, "properties": properties}
}

// value is of a field. A pointer may be null unless it is left out when it is nil.
func (w *schemaWriter) value(typ reflect.Type, nullable bool) object {
	switch {
	case typ == reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case typ.Kind() == reflect.Pointer && nullable:
		return object{"anyOf": []object{w.value(typ.Elem(), false), {"type": "null"}}}
	case typ.Kind() == reflect.Pointer:
		return w.value(typ.Elem(), false)
	case typ.Kind() == reflect.Struct:
		w.define(typ)
		return object{"$ref": "#/$defs/" + typ.Name()}
	case typ.Kind() == reflect.Slice:
		return object{"type": "array", "items": w.value(typ.Elem(), false)}
	case typ.Kind() == reflect.Map:
		return object{"type": "object", "additionalProperties": w.value(typ.Elem(), false)}
	case typ.Kind() == reflect.Uint64:
		return object{"type": "integer", "minimum": 0}
	}
	return object{"type": map[reflect.Kind]string{reflect.Bool: "boolean", reflect.String: "string", reflect.Float64: "number",
		reflect.Int: "integer", reflect.Int32: "integer", reflect.Int64: "integer"}[typ.Kind()]}
}

func (w *schemaWriter) define(typ reflect.Type) {
	if w.defs[typ.Name()] == nil {
		w.defs[typ.Name()] = object{} // it may contain itself
		w.defs[typ.Name()] = w.object(typ)
	}
}

func TestSchemaIsTheCallersOwn(t *testing.T) {
	JSONSchema()[0] = 'x'
	if !json.Valid(JSONSchema()) {
		t.Error("a caller has changed the schema for all")
	}
}
