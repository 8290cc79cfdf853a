package load

import (
	"errors"
	"io"

	"github.com/fastsse/fastsse"
)

// decode takes the next bytes of a stream's body, and calls take with each block that is
// complete with them, or comments, and their bytes, all valid until it returns.
func decode(d *fastsse.Decoder, b []byte, take func(raw []byte, b *fastsse.Received)) error {
	d.Feed(b)
	for {
		raw, block, err := d.NextRaw()
		switch {
		case err == nil:
			take(raw, block)
		case err == io.EOF: // until there is more
			return nil
		case errors.Is(err, fastsse.ErrTooLong):
			return errors.New("an event of more than 16 MiB")
		default:
			return err
		}
	}
}

func (st *stream) connects() {
	st.catchUp()
	st.dec.Reset(nil)
	st.begun, st.held = false, 0
}

// passLF makes the decoder forget an LF after a CR, which it would return with the next block.
func (st *stream) passLF() {
	st.dec.Reset(nil)
	st.dec.Feed([]byte("\n")) // a byte order mark may not come
	_, _ = st.dec.NextBlock()
	st.held = 0
}

// catchUp makes the decoder's last event id what it would be if it had decoded all.
func (st *stream) catchUp() {
	if st.id != nil {
		st.dec.Feed([]byte("id: " + *st.id + "\n\n"))
		_, _ = st.dec.NextBlock()
		_, _ = st.dec.NextBlock() // nothing: what was fed is no longer needed
		st.id = nil
	}
}
