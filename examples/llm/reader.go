package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/valyala/fasthttp"
)

// watch cancels when the reader leaves, until stop is called. While a handler runs fasthttp
// reads nothing of the connection, and nobody else notices its end.
func watch(ctx *fasthttp.RequestCtx, cancel context.CancelFunc) (stop func()) {
	c := ctx.Conn()
	read := make(chan int, 1)
	go func() {
		n, err := c.Read(make([]byte, 1))
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			cancel()
		}
		read <- n
	}()
	return func() {
		_ = c.SetReadDeadline(time.Unix(1, 0))
		if <-read > 0 { // another request, which lacks its first byte now
			ctx.SetConnectionClose()
		}
		_ = c.SetReadDeadline(time.Time{})
	}
}
