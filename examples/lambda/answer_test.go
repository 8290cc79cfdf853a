package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/fastsse/fastsse/internal/testkit"
)

// get is a request as a function URL hands it on: header names in lower case.
func get(lastEventID string) events.LambdaFunctionURLRequest {
	req := events.LambdaFunctionURLRequest{Headers: map[string]string{}}
	req.RequestContext.HTTP.Method = "GET"
	if lastEventID != "" {
		req.Headers["last-event-id"] = lastEventID
	}
	return req
}

// respond calls the handler, and returns the response. It is closed with the test, as the
// runtime closes it.
func respond(t *testing.T, ctx context.Context, a *answer, req events.LambdaFunctionURLRequest) *events.LambdaFunctionURLStreamingResponse {
	t.Helper()
	resp, err := a.handle(ctx, req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Close() })
	return resp
}

// inBubble runs f with a clock of its own, and fails if it leaves a goroutine behind.
func inBubble(t *testing.T, f func(t *testing.T)) { synctest.Test(t, f) }

func TestAnswerIsSentWordByWordAndThenItsEnd(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		a := newAnswer("one two three", time.Second)
		resp := respond(t, t.Context(), a, get(""))
		if resp.Headers["Content-Type"] != "text/event-stream" || resp.Headers["Cache-Control"] == "" {
			t.Errorf("headers %v", resp.Headers)
		}
		d := testkit.NewDecoder(resp.Body)
		began := time.Now()
		for i, want := range []string{"message one", "message two", "message three", "end "} {
			e, err := d.Next()
			if got := e.Type + " " + e.Data; err != nil || got != want {
				t.Errorf("got %q, %v; want %q", got, err, want)
			}
			if after := time.Duration(min(i+1, 3)) * time.Second; time.Since(began) != after {
				t.Errorf("%q came after %v, want %v", want, time.Since(began), after)
			}
		}
		if _, err := d.Next(); err != io.EOF {
			t.Errorf("after the end: %v", err)
		}
	})
}

func TestAnswerGoesOnBehindTheLastEventID(t *testing.T) {
	a := newAnswer("one two three", time.Millisecond)
	for id, want := range map[string]string{
		"":                     "one two three end",
		a.id(1):                "two three end",
		a.id(2):                "three end",
		a.id(3):                "end",
		a.id(4):                "end",
		a.id(-1):               "one two three end",
		a.name + "-01":         "one two three end",
		"2":                    "one two three end",
		"00000000-2":           "one two three end", // of another text
		a.name + "-" + a.id(2): "one two three end",
	} {
		byQuery := get("")
		byQuery.QueryStringParameters = map[string]string{"lastEventId": id}
		for from, req := range map[string]events.LambdaFunctionURLRequest{"header": get(id), "query": byQuery} {
			all, err := testkit.NewDecoder(respond(t, t.Context(), a, req).Body).All()
			var got []string
			for _, e := range all {
				got = append(got, strings.TrimSpace(strings.TrimPrefix(e.Type, "message")+e.Data))
			}
			if err != nil || strings.Join(got, " ") != want {
				t.Errorf("%s %q: got %q, %v; want %q", from, id, got, err, want)
			}
			if last := all[len(all)-1].ID; last != a.id(3) {
				t.Errorf("%s %q: the last id is %q, want %q", from, id, last, a.id(3))
			}
		}
	}
}

// A client that comes back whenever its stream ends gets each word once.
func TestAnswerEndsBeforeTheFunctionsDeadlineAndGoesOnInTheNextInvocation(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		a := newAnswer(text, 100*time.Millisecond)
		var got []string
		id, invocations := "", 0
		for ended := false; !ended && invocations < 20; invocations++ {
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			resp := respond(t, ctx, a, get(id))
			d := testkit.NewDecoder(resp.Body)
			all, err := d.All()
			if err != nil || ctx.Err() != nil {
				t.Errorf("invocation %d: %v; its context: %v", invocations, err, ctx.Err())
			}
			for _, e := range all {
				if ended = e.Type == "end"; !ended {
					got = append(got, e.Data)
				}
			}
			if !ended && (d.Retry == "" || d.Retry == "3000") {
				t.Errorf("invocation %d ends with the reconnection time %q, want a new one", invocations, d.Retry)
			}
			id = d.LastID
			resp.Close()
			cancel()
		}
		if want := strings.Join(strings.Fields(text), " "); strings.Join(got, " ") != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if invocations < 2 {
			t.Errorf("%d invocations: no stream has been cut short", invocations)
		}
	})
}

func TestNoStreamIsLongerThanLongest(t *testing.T) {
	for _, timeout := range []time.Duration{0, time.Nanosecond, time.Second, time.Minute, 15 * time.Minute} {
		ctx := t.Context()
		most := longest
		if timeout > 0 {
			limited, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			ctx, most = limited, max(min(longest, timeout*9/10), time.Millisecond)
		}
		if got := maxAge(ctx); got > most || got < most*9/10 || got < time.Millisecond {
			t.Errorf("timeout %v: MaxAge %v, want %v", timeout, got, most)
		}
	}
}

// inBubble fails if the callback goes on.
func TestARuntimeThatStopsReadingEndsTheAnswer(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		resp := respond(t, t.Context(), newAnswer(text, time.Second), get(""))
		if _, err := testkit.NewDecoder(resp.Body).Next(); err != nil {
			t.Fatal(err)
		}
		if err := resp.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Also if the runtime does not even close it: Options.WriteTimeout bounds it.
func TestAnAnswerThatNobodyReadsEnds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		resp, err := newAnswer(text, time.Second).handle(t.Context(), get(""))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := testkit.NewDecoder(resp.Body).Next(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) // of the bubble's clock
	})
}

func TestAnotherMethodIsRefused(t *testing.T) {
	req := get("")
	req.RequestContext.HTTP.Method = "POST"
	resp := respond(t, t.Context(), newAnswer(text, time.Second), req)
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 405 || !strings.Contains(string(body), "cannot answer POST") || resp.Headers["Allow"] != "GET, HEAD" {
		t.Errorf("%d %v %q, %v", resp.StatusCode, resp.Headers, body, err)
	}
}

func TestHeadIsAnsweredWithHeadersAlone(t *testing.T) {
	req := get("")
	req.RequestContext.HTTP.Method = "HEAD"
	resp := respond(t, t.Context(), newAnswer(text, time.Second), req)
	if resp.Body != nil || resp.Headers["Content-Type"] != "text/event-stream" {
		t.Errorf("%v, body %v", resp.Headers, resp.Body)
	}
}

func TestAPanicIsAnErrorOfTheBody(t *testing.T) {
	broken := newAnswer(text, 0) // time.NewTicker panics
	_, err := io.ReadAll(respond(t, t.Context(), broken, get("")).Body)
	if err == nil || !strings.Contains(fmt.Sprint(err), "panic in the callback") {
		t.Errorf("read: %v", err)
	}
}
