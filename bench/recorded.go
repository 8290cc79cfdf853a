package main

import (
	"fmt"
	"reflect"
	"strings"
	"time"
)

// flagsOf is what was asked for, for the record: each flag's name and value, less
// those that were left as they are, and those that hold secrets.
func flagsOf(command any) map[string]string {
	flags := map[string]string{}
	collectFlags(reflect.ValueOf(command).Elem(), flags)
	return flags
}

// unrecorded are flags that may hold secrets, say where output goes, or are in the
// result already.
var unrecorded = map[string]bool{
	"header": true, "cookie": true, "publish-header": true, "json": true, "html": true, "hdr": true, "quiet": true, "fail-if": true, "name": true, "pid": true,
}

// always are recorded whether they were given or not: without them the figures say
// little.
var always = map[string]bool{"c": true, "rate": true, "duration": true, "hold": true, "size": true, "ramp": true}

func collectFlags(v reflect.Value, flags map[string]string) {
	for i := range v.NumField() {
		field, value := v.Type().Field(i), v.Field(i)
		if field.Anonymous {
			collectFlags(value, flags)
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
	if text == "" {
		return value.IsZero()
	}
	if d, err := time.ParseDuration(text); err == nil {
		text = d.String() // 2s for 2000ms
	}
	return fmt.Sprint(value.Interface()) == text
}
