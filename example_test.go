package fastsse_test

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/fastsse/fastsse"
)

func ExampleAppendEvent() {
	b := fastsse.AppendRetry(nil, 3*time.Second)
	b = fastsse.AppendEvent(b, &fastsse.Event{ID: "42", Type: "goal", Data: []byte("2 : 1\nin the 90th minute")})
	fmt.Print(string(b))
	// Output:
	// retry: 3000
	//
	// event: goal
	// data: 2 : 1
	// data: in the 90th minute
	// id: 42
}

func ExampleDecoder() {
	d := fastsse.NewDecoder(strings.NewReader("id: 42\nevent: goal\ndata: 2 : 1\n\n: a heartbeat\n"))
	for {
		e, err := d.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s: %s\n", e.Type, e.Data)
	}
	fmt.Println("resume after", d.LastEventID())
	// Output:
	// goal: 2 : 1
	// resume after 42
}

func ExampleRead() {
	body := strings.NewReader("event: goal\ndata: 2 : 1\nid: 42\n\n: a heartbeat\ndata: the end\n\n")
	for event, err := range fastsse.Read(body) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%q %q, resume after %q\n", event.Type, event.Data, event.ID)
	}
	// Output:
	// "goal" "2 : 1", resume after "42"
	// "" "the end", resume after "42"
}
