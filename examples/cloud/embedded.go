//go:build !noembedded

package main

import (
	"context"

	"github.com/fastsse/fastsse/server/backplane/nats"
	"github.com/fastsse/fastsse/server/backplane/nats/embedded"
)

// openEmbedded opens a feed that is kept in a directory, by a NATS server in this process,
// which calls failed when it can store nothing until it is started again.
func openEmbedded(ctx context.Context, dir, feed string, failed func(error)) (*nats.Backplane, error) {
	return nats.Open(ctx, nats.Options{Embedded: &embedded.Server{Dir: dir, Failed: failed}, Feed: feed})
}
