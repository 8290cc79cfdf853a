package embedded

import (
	"os"
	"syscall"
)

// errLocked is returned by tryLock if another process has the lock: ERROR_SHARING_VIOLATION.
var errLocked error = syscall.Errno(32)

// tryLock opens the file at path in a way in which nobody else can until it is closed. It is
// left where it is.
func tryLock(path string) (*os.File, error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	const notShared = 0
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, notShared, nil,
		syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(h), path), nil
}
