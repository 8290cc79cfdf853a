//go:build !noembedded

package main

import (
	"context"

	"github.com/fastsse/fastsse/server/backplane/nats"
	"github.com/fastsse/fastsse/server/backplane/nats/embedded"
)

// openEmbedded opens a feed that is kept in a directory, by a NATS server in this process.
func openEmbedded(ctx context.Context, dir, feed string) (*nats.Backplane, error) {
	return nats.Open(ctx, nats.Options{Embedded: &embedded.Server{Dir: dir}, Feed: feed})
}
