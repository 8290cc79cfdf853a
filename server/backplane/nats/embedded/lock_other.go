//go:build !darwin && !dragonfly && !freebsd && !linux && !netbsd && !openbsd && !windows

package embedded

import (
	"errors"
	"os"
)

// errLocked is what tryLock never returns here.
var errLocked = errors.New("locked")

// tryLock only makes the file: the standard library has no lock on these systems. Whoever
// deploys the program has to keep two processes apart.
func tryLock(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
}
