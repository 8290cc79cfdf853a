# The tests of all modules run from the root: go test work.

GO ?= go
MODULES := . server/backplane/nats server/backplane/redis server/backplane/soak server/metrics bench bench/rivals examples examples/clients examples/fiber
STATICCHECK := GOWORK=off $(GO) tool -modfile=$(CURDIR)/tools/go.mod staticcheck

.PHONY: check test race agreement compare clients soak soak-race soak-backplane soak-backplane-race deploys proxies fmt tidy vet staticcheck fuzz bench bench-record release-mod

check: fmt tidy vet staticcheck race

test:
	$(GO) test work

# Without what is long: it runs in make test.
race:
	$(GO) test -race -short -shuffle=on work

# What ssebench says of ssebench serve, beside a reader in C that shares nothing with it, in turns:
# a table in Markdown, after some twenty minutes.
ROUNDS ?= 6
agreement:
	$(GO) test -v -count 1 -timeout 30m -run '^TestAgreement$$' ./bench/internal/agreement -rounds $(ROUNDS)

# Streams of all kinds, held against a ledger of what was published. A failure
# prints the flags that draw its round again: SOAKFLAGS='-soak.seed … -soak.round …'
SOAK ?= 10m
SOAKTEST = ./server -run '^TestSoak$$' -count 1 -timeout 0 -soak $(SOAK) $(SOAKFLAGS)
soak:
	$(GO) test $(SOAKTEST)

soak-race:
	$(GO) test -race $(SOAKTEST)

# The same of hubs on a backplane, whose brokers, hubs and networks are killed.
soak-backplane soak-backplane-race: SOAKTEST = ./server/backplane/soak -run '^TestSoak$$' -count 1 -timeout 0 -soak $(SOAK) $(SOAKFLAGS)
soak-backplane:
	$(GO) test $(SOAKTEST)

soak-backplane-race:
	$(GO) test -race $(SOAKTEST)

# Clients of every kind through five restarts of the server behind nginx, and through five
# rolling deploys of two servers on one backplane.
DEPLOYS ?= 5
deploys:
	$(GO) test -v -count 1 -run '^TestClientsOutlive(Rolling)?Deploys(BehindHAProxy)?$$' ./examples/proxies -deploys $(DEPLOYS)

# What proxies do to streams, for docs/proxies.md: some ten minutes. A Caddy that is newer than
# Debian's is built outside the clone.
NEWCADDY := v2.11.9
CADDYBIN = $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/fastsse-caddy-$(NEWCADDY)
proxies:
	test -x $(CADDYBIN)/caddy || (cd / && GOWORK=off GOBIN=$(CADDYBIN) $(GO) install github.com/caddyserver/caddy/v2/cmd/caddy@$(NEWCADDY))
	CADDY=$(CADDYBIN)/caddy $(GO) test -v -count 1 -timeout 30m -run '^TestProxies(Measured|Delays)$$' ./examples/proxies -measure -update
	$(GO) test -count 1 -run '^TestProxiesPage' ./examples/proxies -update
# All clients that others have written, also those that take a minute, and the table of
# docs/clients.md anew: read its diff.
clients:
	$(GO) test -v -count 1 ./examples/clients -all -update

# Other servers beside this one, and this one's own limits: ten minutes each, on a machine
# that does nothing else.
compare:
	$(GO) run ./bench/rivals
	$(GO) run ./bench/rivals bars

fmt:
	@test -z "$$(gofmt -l .)" || { echo "not gofmt-ed:"; gofmt -l .; exit 1; }

# A go command that loads the workspace writes the sums that go.work.sum lacks into
# it. What go mod download has filled lacks none, so no command dirties a clone.
tidy:
	@for m in $(MODULES) tools; do (cd $$m && GOWORK=off $(GO) mod tidy -diff) || { echo "go mod tidy is due in $$m"; exit 1; }; done
	@$(GO) mod download
	@test ! -e .git || git --no-pager diff --exit-code go.work.sum || { echo "go.work.sum lacked sums; go mod download has added them, as above: commit it"; exit 1; }

vet:
	$(GO) vet work
	GOOS=darwin $(GO) vet ./... ./server/backplane/nats/... ./server/backplane/redis/... ./server/metrics/... ./bench/...
	GOOS=windows $(GO) vet ./... ./server/backplane/nats/... ./server/backplane/redis/... ./server/metrics/... ./bench/...

staticcheck:
	@for m in $(MODULES); do echo "staticcheck $$m" && (cd $$m && $(STATICCHECK) ./...) || exit 1; done

# Every fuzz target, FUZZTIME inputs each. A count and not a time: at the end of a time,
# go test now and then fails with "context deadline exceeded" although no input failed
# (golang/go#75804, mended after Go 1.26).
FUZZTIME ?= 300000x
fuzz:
	@[ -n "$$SSE_CLIENTS" ] || echo "SKIPPED: SSE_CLIENTS is not set: FuzzDecoderIsEventsourceParser is not run (npm_test.go)"
	@for p in . client internal/cursor bench/internal/check bench/internal/fault bench/internal/load; do \
		for f in $$($(GO) test -list '^Fuzz' ./$$p | grep '^Fuzz'); do \
			echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1000x ./$$p || exit 1; \
		done; \
	done

# The benchmarks of the hot path, beside the newest record of them:
#
#	make bench                    all of them, a few minutes
#	make bench BENCH=Publish COUNT=10 BENCHTIME=1s
#	make bench-record NOTE='…'    all of them, kept in docs/results
#
# COUNT rounds of the whole set, not -count: what disturbs the machine for a while
# spoils a sample of each benchmark then, and not all samples of one. Even so, a
# record of another day is of another machine: a claim takes both versions in turns.
BENCH ?= .
BENCHTIME ?= 0.3s
COUNT ?= 6
BENCHED := . ./streamwriter ./server ./internal/delivery ./internal/eventlog ./bench/internal/load
BENCHSTAT := GOWORK=off $(GO) tool -modfile=$(CURDIR)/tools/go.mod benchstat
RECORD = $(lastword $(sort $(wildcard docs/results/micro-*.txt)))

# Adds the rounds to the file $now.
define rounds
for i in $$(seq $(COUNT)); do \
	echo "round $$i of $(COUNT)" >&2; \
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) $(BENCHED) >>"$$now" || { cat "$$now"; exit 1; }; \
done
endef

# Of the record, only what has been run now is shown.
bench:
	@now=$$(mktemp) && $(rounds) && echo "this run: $$now" && \
	if [ -z "$(RECORD)" ]; then \
		echo "docs/results has no micro-*.txt to compare with yet: make bench-record makes one"; \
		$(BENCHSTAT) now="$$now"; exit; \
	fi && \
	was=$$(mktemp) && awk 'NR == FNR { ran[$$1]; next } !/^Benchmark/ || $$1 in ran' "$$now" $(RECORD) >"$$was" && \
	grep -E '^(commit|cpu|note): ' $(RECORD) | sort -u | sed 's/^/record: /' && \
	$(BENCHSTAT) -ignore commit,go,note $(notdir $(basename $(RECORD)))="$$was" now="$$now"

bench-record:
	@now=$$(mktemp) && { \
		echo "commit: $$(git describe --always --dirty --exclude '*' 2>/dev/null || echo unknown)"; \
		echo "go: $$($(GO) env GOVERSION)"; \
		[ -z "$$NOTE" ] || echo "note: $$NOTE"; \
	} >"$$now" && $(rounds) && \
	to=docs/results/micro-$$(date +%F).txt && grep -vE '^(PASS|ok)' "$$now" >$$to && echo "recorded: $$to"

# What a release changes, on a commit of its own (CONTRIBUTING, Releases): go install takes no
# module that replaces another.
release-mod:
	cd bench && GOWORK=off $(GO) mod edit -dropreplace github.com/fastsse/fastsse -require github.com/fastsse/fastsse@$(VERSION)
