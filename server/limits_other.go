//go:build !linux

package server

import "net"

// descriptorLimit is a guess: there is no portable way to find out.
func descriptorLimit() int { return 10_000 }

func listenConfig() net.ListenConfig { return net.ListenConfig{} }
