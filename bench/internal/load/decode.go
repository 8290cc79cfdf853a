package load

import (
	"errors"
	"io"

	"github.com/fastsse/fastsse"
)

// decode takes the next bytes of a stream's body, and calls take with each block that is
// complete with them, valid until it returns.
func decode(d *fastsse.Decoder, b []byte, take func(*fastsse.Received)) error {
	d.Feed(b)
	for {
		block, err := d.NextBlock()
		switch {
		case err == nil:
			take(block)
		case err == io.EOF: // until there is more
			return nil
		case errors.Is(err, fastsse.ErrTooLong):
			return errors.New("an event of more than 16 MiB")
		default:
			return err
		}
	}
}
