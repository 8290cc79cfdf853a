package main

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"
)

// flagsOf returns the flags of a command to record in a result, by name, without those that
// have their defaults or hold secrets.
func flagsOf(command any) map[string]string {
	fresh := reflect.New(reflect.TypeOf(command).Elem()).Interface()
	_ = kong.ApplyDefaults(fresh) // which are no valid command, but that is no matter here
	recorded, defaults := map[string]string{}, valuesOf(fresh)
	for name, value := range valuesOf(command) {
		if !unrecorded[name] && (value != defaults[name] || always[name]) {
			recorded[name] = value
		}
	}
	return recorded
}

// valuesOf are the values of all flags.
func valuesOf(command any) map[string]string {
	values := map[string]string{}
	for _, flag := range kong.Must(command).Model.Flags {
		value := flag.Target.Interface()
		if words, ok := value.([]string); ok {
			value = strings.Join(words, " ")
		}
		values[flag.Name] = fmt.Sprint(value)
	}
	return values
}

// unrecorded are flags that may hold secrets, that say where output goes, or that
// are elsewhere in the result.
var unrecorded = map[string]bool{
	"header": true, "cookie": true, "login": true, "login-header": true, "login-body": true, "address": true, "publish-header": true, "json": true, "ndjson": true, "junit": true, "summary": true, "html": true, "hdr": true, "quiet": true, "fail-if": true, "name": true, "pid": true,
}

// always are flags that are recorded even with their defaults: without them the
// figures say little.
var always = map[string]bool{"streams": true, "rate": true, "duration": true, "hold": true, "size": true, "ramp": true}
