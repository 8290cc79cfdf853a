package servertest_test

import (
	"fmt"
	"testing"

	"github.com/fastsse/fastsse/server"
	"github.com/fastsse/fastsse/server/servertest"
)

// In a test, t is the function's argument.
func Example() {
	test(func(t testing.TB) {
		s := servertest.New(t, server.Config{})
		c := s.Open("scores/42")
		s.Publish("scores/42", "1:0")
		c.Expect("1:0")
		c.Leave()

		s.Publish("scores/42", "2:0", "2:1") // while nobody is there
		back := s.Resume(c.LastEventID(), "scores/42")
		back.Expect("2:0")
		fmt.Println(back.Next().Data)
	})
	// Output: 2:1
}

// test runs f as a test, here where there is none.
func test(f func(t testing.TB)) {
	for _, message := range failures(f) {
		fmt.Println(message)
	}
}
