// Package absent lets a test say that something it needs is not on this
// machine: a program, a privilege, a file. That is a reason to skip on a
// developer's machine, and a failure in CI, which installs all of it.
package absent

import (
	"os"
	"testing"
)

// Skipf skips the test, with a message that says what is missing and how to get
// it. Where the environment variable CI is set and not empty, the test fails with
// that message instead, so that CI never passes with tests that did not run.
//
// What a platform does not have, or -short leaves out, stays t.Skip. Like
// t.Skip, Skipf must be called from the goroutine that runs the test.
func Skipf(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "" {
		t.Skipf("SKIPPED: "+format, args...)
		return
	}
	t.Fatalf(format+" (CI is set, so this fails; elsewhere the test is skipped)", args...)
}
