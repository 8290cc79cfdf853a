package streamwriter_test

import (
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/fastsse/fastsse/streamwriter"
	"github.com/valyala/fasthttp"
)

// A counter that continues where the client left off.
func ExampleServe() {
	handler := func(ctx *fasthttp.RequestCtx) {
		streamwriter.Serve(ctx, streamwriter.Options{}, func(w *streamwriter.Writer) error {
			tick := time.NewTicker(time.Second)
			defer tick.Stop()
			n, _ := strconv.Atoi(w.LastEventID())
			for {
				select {
				case <-w.Context().Done(): // the client has left, or the server shuts down
					return nil
				case <-tick.C:
					n++
					if err := w.Send(streamwriter.Event{ID: strconv.Itoa(n), Data: []byte(time.Now().String())}); err != nil {
						return err
					}
				}
			}
		})
	}
	_ = fasthttp.ListenAndServe(":8080", handler)
}

// The same Writer over net/http.
func ExampleNewWriter() {
	http.HandleFunc("/events", func(rw http.ResponseWriter, r *http.Request) {
		streamwriter.SetHTTPHeaders(rw.Header())
		w, err := streamwriter.NewWriter(rw, streamwriter.Options{Context: r.Context(), LastEventID: streamwriter.HTTPLastEventID(r)})
		if err != nil {
			http.Error(rw, err.Error(), http.StatusInternalServerError)
			return
		}
		defer w.Close()
		if w.Open() != nil { // the first bytes, at once
			return
		}
		_ = w.SendString("greeting", "hello")
		<-w.Context().Done()
	})
	_ = http.ListenAndServe(":8080", nil)
}

// A stream as the body of a response, for a runtime that reads it.
func ExampleNewReader() {
	body, err := streamwriter.NewReader(streamwriter.Options{LastEventID: "41"}, func(w *streamwriter.Writer) error {
		n, _ := strconv.Atoi(w.LastEventID())
		return w.Send(streamwriter.Event{ID: strconv.Itoa(n + 1), Data: []byte("hello")})
	})
	if err != nil {
		log.Fatal(err)
	}
	defer body.Close()
	_, _ = io.Copy(os.Stdout, body) // as the runtime does
	// Output:
	// : .
	// retry: 3000
	// data: hello
	// id: 42
}
