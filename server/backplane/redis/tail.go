package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/fastsse/fastsse/server/backplane"
)

// Tail calls deliver with what is stored after a position, as it comes: see
// backplane.Backplane. It keeps one connection busy.
//
// That the stream is another one is noticed before an entry of it is delivered, and about
// 2 s later if there is none. A server that does not answer is noticed within 8 s.
func (b *Backplane) Tail(ctx context.Context, after backplane.Position, deliver func([]backplane.Entry) error) error {
	var err error
	for size, wait := firstPage, noBlock; err == nil && ctx.Err() == nil; wait = blockFor {
		var p page
		if p, err = b.read(ctx, after, size, wait); err != nil || len(p.entries) == 0 {
			continue
		}
		if err := deliver(p.entries); err != nil {
			return err
		}
		after.Seq, size = p.entries[len(p.entries)-1].Seq, p.next(size)
	}
	if isOver(ctx) {
		return context.Cause(ctx)
	}
	return b.failed("tail", err)
}

// Read returns the oldest entries after a position: see backplane.Backplane. It returns fewer
// than limit if these are more than 4 MiB or so.
func (b *Backplane) Read(ctx context.Context, after backplane.Position, limit int) ([]backplane.Entry, error) {
	if limit < 1 {
		return nil, b.failed("read", fmt.Errorf("limit is %d; it must be at least 1", limit))
	}
	var all page
	for size, ended := firstPage, false; !ended && len(all.entries) < limit && all.bytes < mostRead; {
		ask := min(size, limit-len(all.entries))
		p, err := b.read(ctx, after, ask, noBlock)
		if err != nil {
			return nil, b.failed("read", err)
		}
		all.add(p)
		if ended = len(p.entries) < ask; !ended {
			after.Seq, size = p.entries[ask-1].Seq, p.next(size)
		}
	}
	return all.entries, nil
}

// How much is asked for at a time: entries at first and at most; and bytes, about, in a page
// and in all pages of a Read.
const (
	firstPage = 16
	mostPage  = 1024
	pageBytes = 1 << 20
	mostRead  = 4 << 20
)

// noBlock is a time for which XREAD does not wait, in go-redis' words.
const noBlock time.Duration = -1

// page is what was read at once.
type page struct {
	entries []backplane.Entry
	bytes   int
}

func (p *page) add(q page) {
	p.entries, p.bytes = append(p.entries, q.entries...), p.bytes+q.bytes
}

// next returns how many entries to ask for next, when size was how many p could have had.
func (p *page) next(size int) int {
	switch {
	case p.bytes > pageBytes:
		return max(1, len(p.entries)*pageBytes/p.bytes)
	case len(p.entries) == size && p.bytes < pageBytes/2:
		return min(2*size, mostPage)
	}
	return size
}

// read reads a page of entries after a position. If there is none, it waits for one.
//
// The epoch is read behind the entries, on the same connection. If it is the position's,
// the entries are of that stream as well: an epoch that is gone never comes back.
func (b *Backplane) read(ctx context.Context, after backplane.Position, size int, wait time.Duration) (page, error) {
	return ask(ctx, func(ctx context.Context) (p page, err error) {
		both := b.client.Pipeline()
		read := both.XRead(ctx, &redis.XReadArgs{Streams: []string{b.stream, "0-" + strconv.FormatUint(after.Seq, 10)}, Count: int64(size), Block: wait})
		groups := both.XInfoGroups(ctx, b.stream)
		_, _ = both.Exec(ctx) // the commands have the errors
		if err := read.Err(); err != nil && !errors.Is(err, redis.Nil) {
			return p, err
		}
		if err := groups.Err(); err != nil && !redis.HasErrorPrefix(err, "no such key") {
			return p, err
		}
		for _, stream := range read.Val() {
			if err := p.take(stream.Messages); err != nil {
				return p, err
			}
		}
		if now := epochOf(groups.Val()); now == "" || now != after.Epoch {
			return page{}, otherEpoch(after.Epoch, now)
		}
		return p, nil
	})
}

// otherEpoch returns the error for a stream that is not the wanted one. now is empty if there
// is none.
func otherEpoch(wanted, now string) error {
	if now == "" {
		return fmt.Errorf("its stream of epoch %s is gone: %w", wanted, backplane.ErrOtherEpoch)
	}
	return fmt.Errorf("its stream was made anew, epoch %s is wanted and %s is there: %w", wanted, now, backplane.ErrOtherEpoch)
}

// epochOf returns the epoch, which is the name of a group: see epoch.lua.
func epochOf(groups []redis.XInfoGroup) string {
	for _, g := range groups {
		if epoch, ok := strings.CutPrefix(g.Name, "epoch-"); ok {
			return epoch
		}
	}
	return ""
}

func (p *page) take(messages []redis.XMessage) error {
	p.entries = make([]backplane.Entry, 0, len(messages))
	for _, m := range messages {
		seq, err := sequence(m.ID)
		if err != nil {
			return err
		}
		data, ok := m.Values["d"].(string)
		if !ok {
			return fmt.Errorf("the entry %s in its stream was not stored by a feed; give Options.Feed a name of its own, or delete the stream", m.ID)
		}
		p.entries = append(p.entries, backplane.Entry{Seq: seq, Data: []byte(data)})
		p.bytes += len(data)
	}
	return nil
}
