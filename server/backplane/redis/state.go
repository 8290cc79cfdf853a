package redis

import (
	"context"
	_ "embed" // the script
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/fastsse/fastsse/server/backplane"
)

var (
	//go:embed state.lua
	stateLua string

	stateScript = redis.NewScript(epochLua + stateLua)
)

// State returns what the stream holds: see backplane.Backplane. If there is no stream, it
// is made, so that what is stored next has the epoch that State returned.
func (b *Backplane) State(ctx context.Context) (backplane.State, error) {
	s, err := b.state(ctx)
	if err != nil {
		return backplane.State{}, b.failed("read the state of", err)
	}
	return s, nil
}

func (b *Backplane) state(ctx context.Context) (s backplane.State, err error) {
	answer, err := ask(ctx, func(ctx context.Context) ([]string, error) {
		return stateScript.Run(ctx, b.client, []string{b.stream}, newEpoch()).StringSlice()
	})
	if err != nil {
		return s, err
	}
	if len(answer) != 3 {
		return s, fmt.Errorf("the answer %q is not an epoch and two ids", answer)
	}
	s.Epoch = answer[0]
	if s.Last, err = sequence(answer[2]); err != nil {
		return s, err
	}
	s.First = s.Last + 1
	if answer[1] != "" {
		s.First, err = sequence(answer[1])
	}
	return s, err
}

// sequence returns the sequence of an entry with an id of Redis: "0-<sequence>".
func sequence(id string) (uint64, error) {
	digits, ok := strings.CutPrefix(id, "0-")
	seq, err := strconv.ParseUint(digits, 10, 53)
	if !ok || err != nil {
		return 0, fmt.Errorf("the id %s in its stream was not given by a feed; give Options.Feed a name of its own, or delete the stream", id)
	}
	return seq, nil
}
