package server

import (
	"fmt"
	"net"
	"os"
	"strconv"
)

// defaultAddr is where Run listens unless something says otherwise.
const defaultAddr = ":8080"

// listenAddr returns the address to listen on: the one given or, if that is empty, the one
// that the platform demands.
func listenAddr(given string) (string, error) {
	from, addr := "RunOptions.Addr", given
	if addr == "" {
		from, addr = "AWS_LAMBDA_HTTP_ENDPOINT", os.Getenv("AWS_LAMBDA_HTTP_ENDPOINT")
	}
	if port := os.Getenv("PORT"); addr == "" && port != "" {
		from, addr = "PORT", ":"+port
	}
	if addr == "" {
		return defaultAddr, nil
	}
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		err = checkPort(port)
	}
	if err != nil {
		return "", fmt.Errorf("server: %s gives the address %q: %w; give one like :8080 or 127.0.0.1:8080", from, addr, err)
	}
	return addr, nil
}

// checkPort returns an error if port is neither a number nor the name of a service.
func checkPort(port string) error {
	if n, err := strconv.Atoi(port); err == nil && (n < 0 || n > 65535) {
		return fmt.Errorf("%d is not a port", n)
	}
	_, err := net.LookupPort("tcp", port)
	return err
}
