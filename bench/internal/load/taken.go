package load

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"syscall"
)

// readAnswer reads an answer, which says whether the server closes the connection after it.
func readAnswer(r *bufio.Reader) (closes bool, err error) {
	if _, err := r.Peek(1); err != nil {
		if errors.Is(err, io.EOF) {
			err = errors.New("the server closed the connection instead")
		}
		return false, err
	}
	res, err := http.ReadResponse(r, nil)
	for err == nil && res.StatusCode/100 == 1 && res.StatusCode != http.StatusSwitchingProtocols { // not the final answer yet
		res, err = http.ReadResponse(r, nil)
	}
	if err != nil {
		return false, err
	}
	return res.Close, taken(res)
}

// taken reads an answer to its end, and returns an error unless the event was taken.
func taken(res *http.Response) error {
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	reset := errors.Is(err, syscall.ECONNRESET) && res.Close && res.ContentLength < 0 && len(res.TransferEncoding) == 0
	if err != nil && !reset { // the end of such a body is a reset where requests were not read
		return err
	}
	if res.StatusCode/100 == 2 {
		return nil
	}
	text := res.Status + firstLine(body)
	if to := res.Header.Get("Location"); to != "" {
		text += fmt.Sprintf("; it redirects to %s: publish there", to)
	}
	return &NotTaken{res.StatusCode, text}
}

// NotTaken is the error of an event that the server has not taken.
type NotTaken struct {
	Status int // of its answer
	text   string
}

func (n *NotTaken) Error() string { return n.text }
