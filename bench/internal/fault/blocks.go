package fault

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/fastsse/fastsse"
)

// block is what a stream is made of: lines up to and with a blank one. One whose last
// byte so far is a CR is complete: an LF that comes later is the first byte of the next.
type block struct {
	bytes []byte
	event bool   // it has a data line, and counts
	n     uint64 // which event it is as they are sent, from 1; its copy has the same; zero if it is none
}

// maxBlock is the largest block that is taken from an upstream, in bytes.
const maxBlock = 16 << 20

// blockReader takes a stream apart as it arrives.
type blockReader struct{ dec *fastsse.Decoder }

func newBlockReader(r io.Reader) *blockReader {
	dec := fastsse.NewDecoder(r)
	dec.MaxEvent = maxBlock
	return &blockReader{dec}
}

// next returns a block that is the caller's to keep. At the end it first returns
// what is left, which is no event, and then the reader's error; io.EOF if it ended
// in order.
func (b *blockReader) next() (block, error) {
	raw, said, err := b.dec.NextRaw()
	switch {
	case err == nil:
		return block{bytes: bytes.Clone(raw), event: said.HasData}, nil
	case errors.Is(err, fastsse.ErrTooLong):
		return block{}, fmt.Errorf("a block of more than %d bytes; does the upstream send blank lines after its events?", maxBlock)
	case len(raw) > 0: // the error comes again
		return block{bytes: bytes.Clone(raw)}, nil
	}
	return block{}, err
}
