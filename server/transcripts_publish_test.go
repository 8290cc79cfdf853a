package server_test

import (
	"fmt"
	"strings"

	"github.com/fastsse/fastsse/server"
	"github.com/valyala/fasthttp"
)

const text = "Content-Type: text/plain"

// post sends a request with a body, and reads the answer.
func (s *scene) post(uri, body string, headers ...string) {
	s.t.Helper()
	c := s.send("POST", uri, append(headers, fmt.Sprintf("Content-Length: %d", len(body)))...)
	if body != "" {
		c.Send(body)
	}
	c.HalfClose()
	c.Rest()
	c.Close()
}

// Publishing over HTTP. It does not depend on how streams are held.
var publishTranscripts = []scenario{
	{name: "publish", in: twoKinds, setup: setup{publish: publishOptions{AllowAnyone: true}}, run: everyPublish},
	{name: "publish-refused", in: []connKind{parkedTCP}, setup: setup{config: server.Config{MaxEventBytes: 100}, publish: publishOptions{AllowAnyone: true}}, run: badPublishes},
	{name: "publish-refused-json", in: []connKind{parkedTCP}, setup: setup{config: server.Config{MaxEventBytes: 100}, publish: publishOptions{AllowAnyone: true}}, run: badJSON},
	{name: "publish-off", in: []connKind{parkedTCP}, run: func(s *scene) { s.post("/publish?topic=a", "1", text) }},
	{name: "publish-token", in: []connKind{parkedTCP}, setup: setup{publish: publishOptions{Token: "secret", AllowAnyone: true}}, run: func(s *scene) {
		s.post("/publish?topic=a", "1", text)
		for _, authorization := range []string{"Bearer secre", "Bearer ", "Basic secret", "Bearer secret", "bearer secret"} {
			s.post("/publish?topic=a", "1", text, "Authorization: "+authorization)
		}
		s.post("/publish?topic=a%20b", "1", text)
	}},
	{name: "publish-authorize", in: []connKind{parkedTCP}, setup: setup{publish: publishOptions{Authorize: func(_ *fasthttp.RequestCtx, list []message) error {
		if list[0].Topic == "fails" {
			return errInternal
		}
		err := refusals[list[0].Topic]
		list[0].Topic = strings.ReplaceAll(list[0].Topic, "spoiled", "spoiled ")
		return err
	}}}, run: func(s *scene) {
		for _, topic := range []string{"a", "default", "reason", "wrapped", "over", "fails", "spoiled"} {
			s.post("/publish?topic="+topic, "1", text)
		}
	}},
	{name: "publish-methods", in: []connKind{parkedTCP}, setup: setup{publish: publishOptions{AllowAnyone: true}}, run: func(s *scene) {
		for _, method := range []string{"GET", "HEAD", "OPTIONS", "PUT", "DELETE"} {
			s.ask(method, "/publish?topic=a")
		}
	}},
	{name: "publish-cors", in: []connKind{parkedTCP}, setup: setup{publish: publishOptions{AllowAnyone: true, CORS: cors{Origins: []string{"https://example.org"}}}}, run: func(s *scene) {
		for _, origin := range []string{here, there} {
			s.ask("OPTIONS", "/publish", origin, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type")
			s.post("/publish?topic=a", "1", text, origin)
			s.post("/publish?topic=a%20b", "1", text, origin)
		}
	}},
	{name: "publish-closed", in: []connKind{parkedTCP}, setup: setup{publish: publishOptions{AllowAnyone: true}}, run: func(s *scene) {
		s.close()
		s.post("/publish?topic=a", "1", text)
	}},
	{name: "publish-draining", in: []connKind{parkedTCP}, setup: setup{publish: publishOptions{AllowAnyone: true}}, run: func(s *scene) {
		s.drain()
		s.post("/publish?topic=a", "1", text)
	}},
}

// everyPublish publishes in each way, and reads what a stream gets of it.
func everyPublish(s *scene) {
	const path = "/publish"
	from := s.hub.LastID()
	st := s.fresh("topic=a")
	for _, p := range []struct{ query, header, body, data string }{
		{"?topic=a", text, "as it is", "as it is"},
		{"?topic=a", "Content-Type: application/octet-stream", "", ""},
		{"?topic=a&type=goal&id=mine&retry=1500", text, "two\nlines", "lines"},
		{"?topic=a&ephemeral=true", text, "ephemeral", "ephemeral"},
		{"?topic=a&ephemeral=false", text, "not ephemeral", "not ephemeral"},
		{"?topic=a", jsonType, `{"any": 1}`, `{"any": 1}`},
		{"?topic=a", "Content-Encoding: identity", "not encoded", "not encoded"},
		{"", jsonType, `{"topic":"a","data":"text \"quoted\" ö"}`, `text "quoted" ö`},
		{"", jsonType, `{"topic":"a","type":"goal","id":"mine-2","retry":1500,"data":{"x": [1, 2.50]}}`, `{"x":[1,2.50]}`},
		{"", jsonType, `{"topic":"a","ephemeral":true,"data":7}`, "7"},
		{"", jsonType, `{"topic":"a"}`, ""},
		{"", "Content-Type: Application/JSON; charset=utf-8", ` {"topic":"a","data":null} `, ""},
		{"", jsonType, `[{"topic":"a","data":true}]`, "true"},
	} {
		s.post(path+p.query, p.body, p.header)
		st.data(p.data)
	}
	s.post(path, `[{"topic":"a","data":"of"},{"topic":"b"},{"topic":"a","id":"mine-3","data":"an array"}]`, jsonType)
	st.data("of", "an array")
	st.Close()
	s.tr.Note("what is not ephemeral comes again")
	back := s.get("topic=a", "Last-Event-ID: "+from)
	back.data("an array")
	back.Close()
}

func badPublishes(s *scene) {
	const path = "/publish"
	epoch, _, _ := strings.Cut(s.hub.LastID(), "-")
	for _, query := range []string{
		"", "?topic=", "?topic=a%20b", "?topic=a%ff", "?topic=a/*", "?topic=" + strings.Repeat("t", 129),
		"?topic=a&id=x%0Ay", "?topic=a&id=x%20y", "?topic=a&id=" + epoch + "-5", "?topic=a&id=" + strings.Repeat("i", 129),
		"?topic=a&type=x%0Ay", "?topic=a&type=" + strings.Repeat("e", 257),
		"?topic=a&retry=0", "?topic=a&retry=3s", "?topic=a&retry=86400001",
		"?topic=a&topic=b", "?topic=a&ephemerl=true", "?topic=a&Type=t", "?topic=a&ephemeral=yes",
	} {
		s.post(path+query, "1", text)
	}
	s.post(path+"?topic=a", strings.Repeat("x", 101), text)
	s.post(path+"?topic=a", "1", "Content-Encoding: gzip")
	s.post(path+"?topic=a", "1", text, "content-encoding: identity, br")
	s.put("a", "the first event of all")
}

func badJSON(s *scene) {
	const path = "/publish"
	epoch, _, _ := strings.Cut(s.hub.LastID(), "-")
	for _, body := range []string{
		``, `{"topic"`, `{"topic":"a"} x`, `"a"`, `{"topic":"a","date":"x"}`, `{"topic":5}`, `{"data":"x"}`, `{"topic":"a b"}`, `{"topic":"a/*"}`,
		`{"topic":"a","id":"x\ny"}`, `{"topic":"a","id":"` + epoch + `-5"}`, `{"topic":"a","type":"x\ry"}`,
		`{"topic":"a","retry":0}`, `{"topic":"a","retry":1.5}`, `{"topic":"a","retry":"3s"}`, `{"topic":"a","ephemeral":1}`,
		`{"topic":"a","data":"` + strings.Repeat("x", 101) + `"}`,
		`[]`, `[{"topic":"a"},null]`, `[{"topic":"a"},{"topic":"b","id":"x y"}]`,
		"[" + strings.TrimSuffix(strings.Repeat(`{},`, 1001), ",") + "]",
	} {
		s.post(path, body, jsonType)
	}
	s.post(path+"?id=x", `{"topic":"a"}`, jsonType)
	s.put("a", "the first event of all")
}
