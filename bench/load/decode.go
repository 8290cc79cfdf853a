package load

import (
	"errors"
	"io"

	"github.com/fastsse/fastsse"
)

// decode takes the next bytes of a stream's body, and calls event with the data of each
// event that is complete with them, valid until it returns.
func decode(d *fastsse.Decoder, b []byte, event func(data []byte)) error {
	d.Feed(b)
	for {
		e, err := d.Next()
		switch {
		case err == nil:
			event(e.Data)
		case err == io.EOF: // until there is more
			return nil
		case errors.Is(err, fastsse.ErrTooLong):
			return errors.New("an event of more than 16 MiB")
		default:
			return err
		}
	}
}
