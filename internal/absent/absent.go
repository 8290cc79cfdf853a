// Package absent lets a test say that something it needs (a program, a privilege, a
// file) is missing from this machine. On a developer's machine the test is then
// skipped; in CI, where everything is installed, it fails.
package absent

import (
	"os"
	"testing"
)

// Skipf skips the test, with a message that says what is missing and how to get
// it. Where the environment variable CI is set and not empty, the test fails with
// that message instead, so that CI never passes with tests that did not run.
//
// Use t.Skip for what a platform cannot do and for -short. Like t.Skip, Skipf must
// be called from the goroutine that runs the test.
func Skipf(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "" {
		t.Skipf("SKIPPED: "+format, args...)
		return
	}
	t.Fatalf(format+" (CI is set, so this fails; elsewhere the test is skipped)", args...)
}
