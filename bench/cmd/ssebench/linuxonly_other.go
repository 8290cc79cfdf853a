//go:build !linux

package main

import "errors"

// The floor is made of Linux's system calls, and the bars are measured against
// it. All else runs everywhere, but takes more: without epoll each stream has a
// goroutine.

var errNeedsLinux = errors.New("this runs only on Linux; run, connect, storm, soak, check, compare and serve run everywhere")

type floorCommand struct{}

// Run says that it cannot.
func (*floorCommand) Run() error { return errNeedsLinux }

type barsCommand struct{}

// Run says that it cannot.
func (*barsCommand) Run() error { return errNeedsLinux }
