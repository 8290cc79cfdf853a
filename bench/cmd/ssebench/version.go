package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version says what this program was built from: a version if it was installed as a module,
// and the revision if it was built in a clone.
func version() string {
	text := "ssebench"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return text
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	text += " " + info.Main.Version
	if revision := settings["vcs.revision"]; revision != "" {
		text += ", revision " + revision[:min(12, len(revision))] + map[string]string{"true": " with changes"}[settings["vcs.modified"]]
	}
	return fmt.Sprintf("%s, %s, %s/%s", text, info.GoVersion, runtime.GOOS, runtime.GOARCH)
}
