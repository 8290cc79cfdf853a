//go:build noembedded

package main

import (
	"context"
	"errors"

	"github.com/fastsse/fastsse/server/backplane/nats"
)

// openEmbedded says how to build a program that has the server.
func openEmbedded(context.Context, string, string, func(error)) (*nats.Backplane, error) {
	return nil, errors.New("this program was built without the embedded server; build it without -tags noembedded (of the Dockerfile: --build-arg TAGS=)")
}
