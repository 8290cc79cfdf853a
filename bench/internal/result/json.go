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
	"path/filepath"
	"reflect"
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
// field. r is changed in the same ways. If an error other than w's is returned, nothing was
// written.
func (r *Result) Encode(w io.Writer) error {
	r.Schema = Schema
	if err := tidy(reflect.ValueOf(r).Elem()); err != nil {
		return fmt.Errorf("result: encode: %w", err)
	}
	return Indented(w, r)
}

// Indented writes v as indented JSON, and a newline.
func Indented(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// WriteFile writes r to a file as Encode does. It replaces an existing file, but not if
// r cannot be encoded.
func (r *Result) WriteFile(path string) error {
	var text bytes.Buffer
	if err := r.Encode(&text); err != nil {
		return err
	}
	if err := os.WriteFile(path, text.Bytes(), 0o666); err != nil {
		return fmt.Errorf("result: write: %w", err)
	}
	return nil
}

// ReadFile reads a result that WriteFile wrote, of this version of the schema or an older one.
func ReadFile(path string) (*Result, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("result: read: %w; ssebench run -json %s writes one", err, path)
	}
	defer f.Close()
	r, err := Decode(f)
	if err != nil {
		return nil, fmt.Errorf("%w (%s)", err, path)
	}
	return r, nil
}

// ReadAll reads the results whose paths match patterns such as base*.json: at least one of
// each.
func ReadAll(patterns ...string) (results []*Result, err error) {
	for _, pattern := range patterns {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			return nil, fmt.Errorf("result: read %q: %w", pattern, err)
		}
		if len(paths) == 0 {
			paths = []string{pattern} // the error says that there is none
		}
		for _, path := range paths {
			r, err := ReadFile(path)
			if err != nil {
				return nil, err
			}
			results = append(results, r)
		}
	}
	return results, nil
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
		return nil, fmt.Errorf("result: read: %w", err)
	}
	r := new(Result)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("result: read: a field does not fit %s: %w", Schema, err)
	}
	return r, tidy(reflect.ValueOf(r).Elem())
}

// checkSchema returns an error that says what a text is, unless it is a result that
// this program can read.
func checkSchema(text []byte) error {
	var head struct {
		Schema any `json:"schema"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return fmt.Errorf("not a result, or an incomplete one: %w; ssebench run -json writes one", err)
	}
	version, known := 0, 0
	fmt.Sscanf(Schema, "fastsse-bench/%d", &known)
	if _, err := fmt.Sscanf(fmt.Sprint(head.Schema), "fastsse-bench/%d", &version); err != nil || version < 1 {
		return fmt.Errorf("JSON, but its schema is %q and not %s; ssebench run -json writes one", head.Schema, Schema)
	}
	if version > known {
		return fmt.Errorf("schema %s is newer than %s, the newest that this ssebench knows; use a newer one", head.Schema, Schema)
	}
	return nil
}

// errNotFinite is wrapped by an error that names the field.
var errNotFinite = errors.New("JSON has no such number; this is a bug in the measurement")

// tidy replaces nil lists and maps in v, which is settable, by empty ones, and by nil what
// a pointer refers to and cannot be written.
func tidy(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return nil
		}
		for i := range v.NumField() {
			if err := tidy(v.Field(i)); err != nil {
				return fmt.Errorf("%s: %w", v.Type().Field(i).Tag.Get("json"), err)
			}
		}
	case reflect.Slice:
		if v.IsNil() {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
		for i := range v.Len() {
			if err := tidy(v.Index(i)); err != nil {
				return fmt.Errorf("%d: %w", i, err)
			}
		}
	case reflect.Map:
		if v.IsNil() {
			v.Set(reflect.MakeMap(v.Type()))
		}
	case reflect.Pointer:
		if !v.IsNil() && tidy(v.Elem()) != nil {
			v.SetZero()
		}
	case reflect.Float64:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("%v: %w", f, errNotFinite)
		}
	}
	return nil
}

// Line writes v, such as a Sample or a Result, as one line of JSON, under a name that says
// what it is.
func Line(w io.Writer, name string, v any) error {
	if r, ok := v.(*Result); ok {
		r.Schema = Schema
	}
	if err := tidy(reflect.ValueOf(v).Elem()); err != nil {
		return fmt.Errorf("result: write %s: %w", name, err)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(map[string]any{name: v})
}
