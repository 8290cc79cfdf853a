module github.com/fastsse/fastsse/examples/clients

go 1.26.0

require (
	github.com/fasthttp/router v1.5.4
	github.com/fastsse/fastsse v0.0.0
	github.com/fastsse/fastsse/examples v0.0.0
	github.com/launchdarkly/eventsource v1.11.0
	github.com/openai/openai-go v1.12.0
	github.com/openai/openai-go/v3 v3.96.0
	github.com/r3labs/sse/v2 v2.10.0
	github.com/tmaxmax/go-sse v0.11.0
	github.com/valyala/fasthttp v1.74.0
)

require (
	github.com/chromedp/cdproto v0.159.0 // indirect
	github.com/chromedp/chromedp v0.22.1 // indirect
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/molecule-man/go-brrr v1.0.1 // indirect
	github.com/savsgio/gotils v0.0.0-20240704082632-aef3928b8a38 // indirect
	github.com/tidwall/gjson v1.20.0 // indirect
	github.com/tidwall/match v1.1.1 // indirect
	github.com/tidwall/pretty v1.2.1 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	golang.org/x/net v0.60.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	gopkg.in/cenkalti/backoff.v1 v1.1.0 // indirect
)

replace github.com/fastsse/fastsse => ../..

replace github.com/fastsse/fastsse/examples => ..

replace github.com/fastsse/fastsse/server/metrics => ../../server/metrics

replace github.com/fastsse/fastsse/server/backplane/nats => ../../server/backplane/nats

replace github.com/fastsse/fastsse/server/backplane/redis => ../../server/backplane/redis
