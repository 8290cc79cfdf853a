package main

import (
	"fmt"
	"reflect"
	"strings"
)

// flagsOf is what was asked for, for the record: each flag's name and value, less
// those that were left alone, and those that hold secrets.
func flagsOf(command any) map[string]string {
	flags := map[string]string{}
	collectFlags(reflect.ValueOf(command).Elem(), flags)
	return flags
}

// unrecorded are flags that may hold secrets, or say where output goes.
var unrecorded = map[string]bool{
	"header": true, "cookie": true, "publish-header": true, "json": true, "html": true, "hdr": true, "quiet": true, "fail-if": true,
}

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
		if value.IsZero() || unrecorded[name] {
			continue
		}
		text := fmt.Sprint(value.Interface())
		if words, ok := value.Interface().([]string); ok {
			text = strings.Join(words, " ")
		}
		flags[name] = text
	}
}
