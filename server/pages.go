package server

import (
	"context"

	"github.com/fastsse/fastsse/server/backplane"
)

// Asking the broker for entries.

// turn waits until the broker may be asked for one more stream, unless ctx is done first. The
// caller calls over afterwards.
func (r *relay) turn(ctx context.Context) bool {
	select {
	case r.asking <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (r *relay) over() { <-r.asking }

// loadPage reads a page for load. Each page has its time: together they may be large.
func (r *relay) loadPage(e *epoch, at uint64) (page []backplane.Entry, held uint64, err error) {
	ctx, cancel := context.WithTimeout(r.ctx, askTimeout)
	defer cancel()
	return r.read(ctx, e, at, pageLimit)
}

// read returns the next entries after one. What is missing before an entry, or if there are
// none, is a hole, or was dropped, while a page was read too: an entry that is below held, the
// oldest that the broker holds, was dropped. held is 0 if none is missing.
func (r *relay) read(ctx context.Context, e *epoch, after uint64, limit int) (page []backplane.Entry, held uint64, err error) {
	page, err = r.feed.Read(ctx, backplane.Position{Epoch: e.history.Epoch(), Seq: after}, limit)
	if err != nil || len(page) > 0 && !misses(page, after) {
		return page, 0, err
	}
	st, err := r.stateOf(ctx, e) // after Read
	if len(page) == 0 && st.Last <= after {
		return nil, 0, err // there are no more
	}
	return page, st.First, err
}

// misses reports whether there are sequences between entries that none of them has.
func misses(entries []backplane.Entry, after uint64) bool {
	for i := range entries {
		if entries[i].Seq != after+1 {
			return true
		}
		after++
	}
	return false
}
