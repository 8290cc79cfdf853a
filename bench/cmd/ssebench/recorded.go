package main

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// flagsOf returns the flags to record in a result, by name, without those that have
// their defaults or hold secrets.
func flagsOf(command any) map[string]string {
	flags := map[string]string{}
	collectFlags(reflect.ValueOf(command).Elem(), flags)
	return flags
}

// unrecorded are flags that may hold secrets, that say where output goes, or that
// are elsewhere in the result.
var unrecorded = map[string]bool{
	"header": true, "cookie": true, "login": true, "login-header": true, "login-body": true, "address": true, "publish-header": true, "json": true, "ndjson": true, "junit": true, "summary": true, "html": true, "hdr": true, "quiet": true, "fail-if": true, "name": true, "pid": true,
}

// always are flags that are recorded even with their defaults: without them the
// figures say little.
var always = map[string]bool{"streams": true, "rate": true, "duration": true, "hold": true, "size": true, "ramp": true}

func collectFlags(v reflect.Value, flags map[string]string) {
	for i := range v.NumField() {
		field, value := v.Type().Field(i), v.Field(i)
		if field.Anonymous {
			collectFlags(value, flags)
			continue
		}
		if !field.IsExported() { // it is no flag
			continue
		}
		name := field.Tag.Get("name")
		if name == "" {
			name = strings.ToLower(field.Name)
		}
		if unrecorded[name] || asItWas(field, value) && !always[name] {
			continue
		}
		flags[name] = fmt.Sprint(value.Interface())
		if words, ok := value.Interface().([]string); ok {
			flags[name] = strings.Join(words, " ")
		}
	}
}

// asItWas says whether a flag has its default.
func asItWas(f reflect.StructField, value reflect.Value) bool {
	text := f.Tag.Get("default")
	if _, usual, differs := strings.Cut(text, "="); differs { // ${name=usual}
		text = strings.TrimSuffix(usual, "}")
	}
	if text == "" {
		return value.IsZero()
	}
	if d, err := time.ParseDuration(text); err == nil {
		text = d.String() // 2s for 2000ms
	}
	return fmt.Sprint(value.Interface()) == text
}
