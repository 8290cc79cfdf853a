//go:build !linux

package main

import "errors"

// The load engine reads many streams with epoll: it runs on Linux alone. Any
// server can be measured from there.

var errNeedsLinux = errors.New("load is generated on Linux alone; serve works everywhere")

type runCommand struct{}

// Run says that it cannot.
func (*runCommand) Run() error { return errNeedsLinux }

type stormCommand struct{}

// Run says that it cannot.
func (*stormCommand) Run() error { return errNeedsLinux }

type floorCommand struct{}

// Run says that it cannot.
func (*floorCommand) Run() error { return errNeedsLinux }

type barsCommand struct{}

// Run says that it cannot.
func (*barsCommand) Run() error { return errNeedsLinux }
