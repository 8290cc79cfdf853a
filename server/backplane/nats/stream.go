package nats

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/fastsse/fastsse/server/backplane"
)

// prepare makes the stream, or checks the one that is there.
func (b *Backplane) prepare(ctx context.Context) error {
	info, err := b.info(ctx)
	if err != nil {
		return err
	}
	if err := b.options.check(info.Config); err != nil {
		return fmt.Errorf("nats: stream %s at %s: %w", b.options.Feed, b.where(), err)
	}
	_, err = b.State(ctx)
	return err
}

// removedWithin is how long a server may take to remove the files of a stream that it says is
// deleted. It would take those of a stream of that name that is made meanwhile for them.
const removedWithin = 500 * time.Millisecond

// asksOfRemoval is how often State asks meanwhile: the stream may be made by somebody else, and
// be deleted once more just when State would make it.
const asksOfRemoval = 10

// State is Backplane's. The epoch is the time at which the stream was made. If it has been
// deleted, State makes it again when it has been away for half a second.
func (b *Backplane) State(ctx context.Context) (backplane.State, error) {
	info, err := b.untilAnswered(ctx, b.find)
	for asked := 0; errors.Is(err, jetstream.ErrStreamNotFound); asked++ {
		if asked == asksOfRemoval {
			info, err = b.info(ctx)
			break
		}
		select {
		case <-time.After(removedWithin / asksOfRemoval):
		case <-ctx.Done():
			return backplane.State{}, context.Cause(ctx)
		}
		info, err = b.untilAnswered(ctx, b.find)
	}
	if err != nil {
		return backplane.State{}, err
	}
	return stateOf(info), nil
}

func stateOf(info *jetstream.StreamInfo) backplane.State {
	s := backplane.State{Epoch: epochOf(info), First: info.State.FirstSeq, Last: info.State.LastSeq}
	if info.State.Msgs == 0 {
		s.First = s.Last + 1
	}
	return s
}

func epochOf(info *jetstream.StreamInfo) string {
	return strconv.FormatInt(info.Created.UnixNano(), 36)
}

// askEvery is how often a question is asked again while nobody answers: a cluster that elects
// a leader answers nothing, and drops the question.
const askEvery = 2 * time.Second

// info asks for the stream, and makes it if there is none.
func (b *Backplane) info(ctx context.Context) (*jetstream.StreamInfo, error) {
	return b.untilAnswered(ctx, b.findOrMake)
}

// infoOf asks for the stream of an epoch. Its leader answers, so that what was read between
// a call of State that returned the epoch and this one is of that stream: an epoch that is
// gone never comes back.
func (b *Backplane) infoOf(ctx context.Context, epoch string) (*jetstream.StreamInfo, error) {
	info, err := b.untilAnswered(ctx, b.find)
	switch {
	case errors.Is(err, jetstream.ErrStreamNotFound):
		return nil, fmt.Errorf("the stream of epoch %s was deleted: %w", epoch, backplane.ErrOtherEpoch)
	case err != nil:
		return nil, err
	case epochOf(info) != epoch:
		return nil, fmt.Errorf("the stream was made anew, epoch %s is wanted and %s is there: %w", epoch, epochOf(info), backplane.ErrOtherEpoch)
	}
	return info, nil
}

// untilAnswered asks until there is an answer.
func (b *Backplane) untilAnswered(ctx context.Context, ask func(context.Context) (jetstream.Stream, error)) (*jetstream.StreamInfo, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, answerWithin, fmt.Errorf("no answer for %v", answerWithin))
	defer cancel()
	ctx, cancelLost := b.untilLost(ctx)
	defer cancelLost()
	for {
		stream, err := ask(ctx)
		if err == nil {
			return stream.CachedInfo(), nil
		}
		if ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return nil, fmt.Errorf("nats: ask %s for stream %s: %w", b.where(), b.options.Feed, b.options.explain(reason(ctx, err)))
		}
	}
}

// find asks once.
func (b *Backplane) find(ctx context.Context) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, askEvery)
	defer cancel()
	return b.js.Stream(ctx, b.options.Feed)
}

// findOrMake asks once. Two who make the stream at the same time get the same one.
func (b *Backplane) findOrMake(ctx context.Context) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, askEvery)
	defer cancel()
	stream, err := b.js.Stream(ctx, b.options.Feed)
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		return stream, err
	}
	stream, err = b.js.CreateStream(ctx, b.options.config())
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // somebody else has, with other limits
		return b.js.Stream(ctx, b.options.Feed)
	}
	return stream, err
}

// leastMessage is the smallest max_msg_size of a feed: room for an event of server.Config's
// usual MaxEventBytes, 63 KiB, and what an entry has besides.
const leastMessage = 128 << 10

// check says what of a stream that is there already does not do for a feed. It may discard
// what is new: nothing that others have not read is dropped then, and who publishes is told
// that nothing was stored.
func (o Options) check(c jetstream.StreamConfig) error {
	switch {
	case !slices.Equal(c.Subjects, []string{o.Subject}):
		return fmt.Errorf("its subjects are %q, want %q alone: set Options.Subject, or another Options.Feed", c.Subjects, o.Subject)
	case c.Mirror != nil || len(c.Sources) > 0:
		return errors.New("it has a mirror or sources; a feed has to be a stream of its own: set another Options.Feed")
	case c.SubjectTransform != nil:
		return errors.New("it has a subject transform; a feed has none: set another Options.Feed")
	case c.Retention != jetstream.LimitsPolicy:
		return fmt.Errorf("its retention is %v, which drops what one reader has read; want limits", c.Retention)
	case c.Storage != jetstream.FileStorage:
		return errors.New("it is stored in memory, and would be empty after a restart with the same epoch; want file")
	case c.PersistMode != jetstream.DefaultPersistMode:
		return errors.New("its persist mode is async, which acknowledges what is not stored yet; want default")
	case c.NoAck:
		return errors.New("it does not acknowledge; make it without no_ack")
	case !c.AllowDirect:
		return errors.New("it does not allow direct gets, by which entries are read back (nats stream edit --allow-direct)")
	case c.MaxMsgsPerSubject > 0:
		return fmt.Errorf("it keeps %d messages per subject, and a feed has one subject: older entries would be dropped before all have read them; want no such limit (nats stream edit --max-msgs-per-subject=-1), but --max-msgs", c.MaxMsgsPerSubject)
	case c.MaxMsgSize > 0 && c.MaxMsgSize < leastMessage:
		return fmt.Errorf("it takes messages of up to %d bytes, too few for an event of 63 KiB; raise that to %d at least (nats stream edit --max-msg-size)", c.MaxMsgSize, leastMessage)
	case c.Sealed:
		return errors.New("it is sealed, so nothing can be appended; set another Options.Feed")
	case c.Duplicates < keysFor(c.MaxAge):
		return fmt.Errorf("its duplicate window is %v; raise it to %v (nats stream edit --dupe-window)", c.Duplicates, backplane.Window)
	case c.Replicas < o.Replicas:
		return fmt.Errorf("it has %d replicas and Options.Replicas is %d (nats stream edit --replicas)", c.Replicas, o.Replicas)
	}
	return nil
}
