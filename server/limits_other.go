//go:build !linux

package server

import "net"

// descriptorLimit is a guess where there is no way to ask.
func descriptorLimit() int { return 10_000 }

func listenConfig() net.ListenConfig { return net.ListenConfig{} }
