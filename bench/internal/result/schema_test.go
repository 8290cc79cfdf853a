package result

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// schemaNode is as much of JSON Schema as schema.json uses.
type schemaNode struct {
	Description string                 `json:"description"`
	Type        any                    `json:"type"` // a name, or two of them
	Const       string                 `json:"const"`
	Format      string                 `json:"format"`
	Ref         string                 `json:"$ref"`
	AnyOf       []*schemaNode          `json:"anyOf"`
	Items       *schemaNode            `json:"items"`
	Required    []string               `json:"required"`
	Properties  map[string]*schemaNode `json:"properties"`
	Additional  *schemaNode            `json:"additionalProperties"`
	Minimum     *float64               `json:"minimum"`
	Defs        map[string]*schemaNode `json:"$defs"`
}

// kind is a node's type without null, and whether null is in it.
func (n *schemaNode) kind() (name string, nullable bool) {
	switch kind := n.Type.(type) {
	case string:
		return kind, false
	case []any:
		return fmt.Sprint(kind[0]), len(kind) == 2 && kind[1] == "null"
	}
	return "", false
}

// agreement compares a schema with a Go type.
type agreement struct {
	t    *testing.T
	defs map[string]*schemaNode
	used map[string]bool
}

func TestSchemaAgreesWithResult(t *testing.T) {
	var root schemaNode
	if err := json.Unmarshal(JSONSchema(), &root); err != nil {
		t.Fatal(err)
	}
	a := &agreement{t, root.Defs, map[string]bool{}}
	a.object("result", &root, reflect.TypeFor[Result]())
	if got := root.Properties["schema"].Const; got != Schema {
		t.Errorf("the schema is that of %q, and Schema is %q", got, Schema)
	}
	for name := range root.Defs {
		if !a.used[name] {
			t.Errorf("$defs/%s is of nothing", name)
		}
	}
}

// object compares the names and what is required.
func (a *agreement) object(path string, n *schemaNode, typ reflect.Type) {
	var required []string
	for i := range typ.NumField() {
		name, options, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
		if options != "omitempty" {
			required = append(required, name)
		}
		property := n.Properties[name]
		if property == nil {
			a.t.Errorf("%s.%s is not in the schema", path, name)
			continue
		}
		a.value(path+"."+name, property, typ.Field(i).Type, options == "omitempty")
	}
	if len(n.Properties) > typ.NumField() {
		a.t.Errorf("%s: the schema has %d fields, the type %d", path, len(n.Properties), typ.NumField())
	}
	if !slices.Equal(required, n.Required) {
		a.t.Errorf("%s: required are\n%v, want\n%v", path, n.Required, required)
	}
}

// value compares one field. A pointer is nullable unless it is left out when nil.
func (a *agreement) value(path string, n *schemaNode, typ reflect.Type, optional bool) {
	if n.Description == "" {
		a.t.Errorf("%s has no description", path)
	}
	nullable := typ.Kind() == reflect.Pointer && !optional
	if typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	if len(n.AnyOf) > 0 {
		if len(n.AnyOf) != 2 || n.AnyOf[1].Type != "null" || !nullable {
			a.t.Errorf("%s: anyOf is for what may be null, and is [what, null]", path)
		}
		n, nullable = n.AnyOf[0], false
	}
	if n.Ref != "" {
		if nullable {
			a.t.Errorf("%s may be null, and the schema forbids it", path)
		}
		a.reference(path, n.Ref, typ)
		return
	}
	a.plain(path, n, typ, nullable)
}

func (a *agreement) reference(path, ref string, typ reflect.Type) {
	name := strings.TrimPrefix(ref, "#/$defs/")
	n := a.defs[name]
	if n == nil || !strings.EqualFold(name, typ.Name()) {
		a.t.Errorf("%s is of %s, and the schema says %s", path, typ, ref)
		return
	}
	if !a.used[name] {
		a.used[name] = true
		a.object(name, n, typ)
	}
}

// plain compares a field of one of JSON's own types.
func (a *agreement) plain(path string, n *schemaNode, typ reflect.Type, nullable bool) {
	kind, null := n.kind()
	if n.Const != "" {
		kind = "string"
	}
	if want := kindOf(typ); kind != want || null != nullable {
		a.t.Errorf("%s is %s (null: %v), and the schema says %s (null: %v)", path, want, nullable, kind, null)
	}
	if unsigned := typ.Kind() == reflect.Uint64; unsigned && (n.Minimum == nil || *n.Minimum != 0) {
		a.t.Errorf("%s has no minimum of 0", path)
	}
	if (typ == reflect.TypeFor[time.Time]()) != (n.Format == "date-time") {
		a.t.Errorf("%s: format is %q", path, n.Format)
	}
	switch typ.Kind() {
	case reflect.Slice:
		a.items(path, n.Items, typ.Elem())
	case reflect.Map:
		a.items(path, n.Additional, typ.Elem())
	}
}

func (a *agreement) items(path string, n *schemaNode, typ reflect.Type) {
	if n == nil {
		a.t.Errorf("%s: the schema does not say of what", path)
		return
	}
	if n.Ref != "" {
		a.reference(path, n.Ref, typ)
	} else if kind, _ := n.kind(); kind != kindOf(typ) {
		a.t.Errorf("%s is of %s, and the schema says %s", path, kindOf(typ), kind)
	}
}

// kindOf is what encoding/json makes of a type, in the schema's words.
func kindOf(typ reflect.Type) string {
	if typ == reflect.TypeFor[time.Time]() {
		return "string"
	}
	switch typ.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		return "string"
	case reflect.Float64:
		return "number"
	case reflect.Slice:
		return "array"
	case reflect.Map, reflect.Struct:
		return "object"
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint64:
		return "integer"
	}
	return typ.String()
}

func TestSchemaIsTheCallersOwn(t *testing.T) {
	JSONSchema()[0] = 'x'
	if !json.Valid(JSONSchema()) {
		t.Error("a caller has changed the schema for all")
	}
}
