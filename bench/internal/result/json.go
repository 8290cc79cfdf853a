package result

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"
)

//go:embed schema.json
var jsonSchema []byte

// JSONSchema is the JSON Schema (draft 2020-12) of what Encode writes, with each
// field described. The caller may change the slice.
func JSONSchema() []byte { return bytes.Clone(jsonSchema) }

// Encode writes r as indented JSON, and a newline. Lists are [] and never null; Schema
// is set. A number that JSON cannot hold (NaN, an infinity) turns the nearest thing
// around it that may be null into null; if nothing may, it is an error that names the
// field. If an error other than w's is returned, nothing was written. r is not changed.
func (r *Result) Encode(w io.Writer) error {
	text, err := r.encode()
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// WriteFile writes r to a file as Encode does. It replaces an existing file, but not if
// r cannot be encoded.
func (r *Result) WriteFile(path string) error {
	text, err := r.encode()
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, text, 0o666); err != nil {
		return fmt.Errorf("result: write: %w", err)
	}
	return nil
}

func (r *Result) encode() ([]byte, error) {
	tidy := *r
	tidy.Schema = Schema
	if err := normalise(reflect.ValueOf(&tidy).Elem(), ""); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(&tidy); err != nil {
		return nil, fmt.Errorf("result: encode: %w", err)
	}
	return text.Bytes(), nil
}

// ReadFile reads a result that WriteFile wrote, of this version of the schema
// or an older one.
func ReadFile(path string) (*Result, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("result: read: %w", err)
	}
	defer f.Close()
	r, err := Decode(f)
	if err != nil {
		return nil, fmt.Errorf("%w (%s)", err, path)
	}
	return r, nil
}

// Decode reads one result, and refuses anything else: other text, another program's
// JSON, a newer schema, anything after the result. It skips fields that it does not
// know, because new ones may be added without a new schema. Lists are never nil.
func Decode(from io.Reader) (*Result, error) {
	text, err := io.ReadAll(from)
	if err != nil {
		return nil, fmt.Errorf("result: read: %w", err)
	}
	if err := checkSchema(text); err != nil {
		return nil, err
	}
	r := new(Result)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("result: read: a field does not fit %s: %w", Schema, err)
	}
	return r, normalise(reflect.ValueOf(r).Elem(), "")
}

// checkSchema returns an error that says what a text is, unless it is a result that
// this program can read.
func checkSchema(text []byte) error {
	var head struct {
		Schema any `json:"schema"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return fmt.Errorf("result: read: not a result, or an incomplete one: %w; bench run -json writes one", err)
	}
	name, _ := head.Schema.(string)
	version, ours := schemaVersion(name)
	newest, _ := schemaVersion(Schema)
	switch {
	case !ours:
		return fmt.Errorf("result: read: JSON, but its schema is %q and not %s; bench run -json writes one", name, Schema)
	case version > newest:
		return fmt.Errorf("result: read: schema %s is newer than %s, the newest that this bench knows; use a newer bench", name, Schema)
	}
	return nil
}

// schemaVersion is n of fastsse-bench/n, which Schema is one of.
func schemaVersion(name string) (version int, ours bool) {
	product, _, _ := strings.Cut(Schema, "/")
	number, found := strings.CutPrefix(name, product+"/")
	version, err := strconv.Atoi(number)
	return version, found && err == nil && version > 0
}

// errNotFinite is wrapped by an error that names the field.
var errNotFinite = errors.New("JSON has no such number; this is a bug in the measurement")

// normalise replaces nil lists and maps by empty ones, and values that cannot be
// written by null, throughout v, which is settable. What a pointer, slice or map of v
// refers to is copied before it is changed. path names v in errors.
func normalise(v reflect.Value, path string) error {
	switch v.Kind() {
	case reflect.Struct:
		return normaliseFields(v, path)
	case reflect.Slice:
		return normaliseList(v, path)
	case reflect.Map:
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
	case reflect.Pointer:
		normalisePointer(v, path)
	case reflect.Float64:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("result: encode: %s is %v: %w", path, f, errNotFinite)
		}
	}
	return nil
}

func normaliseFields(v reflect.Value, path string) error {
	if v.Type() == reflect.TypeFor[time.Time]() {
		return nil
	}
	for i := range v.NumField() {
		if err := normalise(v.Field(i), join(path, fieldName(v.Type().Field(i)))); err != nil {
			return err
		}
	}
	return nil
}

func normaliseList(v reflect.Value, path string) error {
	list := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	reflect.Copy(list, v)
	for i := range list.Len() {
		if err := normalise(list.Index(i), fmt.Sprintf("%s[%d]", path, i)); err != nil {
			return err
		}
	}
	v.Set(list)
	return nil
}

// normalisePointer sets a pointer to nil if its value cannot be written.
func normalisePointer(v reflect.Value, path string) {
	if v.IsNil() {
		return
	}
	pointed := reflect.New(v.Type().Elem())
	pointed.Elem().Set(v.Elem())
	if normalise(pointed.Elem(), path) != nil {
		pointed = reflect.Zero(v.Type())
	}
	v.Set(pointed)
}

// fieldName is a field's name in the JSON.
func fieldName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// join is a path of names with one more.
func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
