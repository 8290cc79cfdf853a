# The tests of all modules run from the root: go test work.

GO ?= go
MODULES := . bench examples $(patsubst %/go.mod,%,$(wildcard bench/targets/*/go.mod))
STATICCHECK := GOWORK=off $(GO) tool -modfile=$(CURDIR)/tools/go.mod staticcheck

.PHONY: check test race fmt tidy vet staticcheck fuzz bench

check: fmt tidy vet staticcheck race

test:
	$(GO) test work

race:
	$(GO) test -race -shuffle=on work

fmt:
	@test -z "$$(gofmt -l .)" || { echo "not gofmt-ed:"; gofmt -l .; exit 1; }

tidy:
	@for m in $(MODULES) tools; do (cd $$m && GOWORK=off $(GO) mod tidy -diff) || { echo "go mod tidy is due in $$m"; exit 1; }; done

vet:
	$(GO) vet work
	GOOS=darwin $(GO) vet ./...
	GOOS=windows $(GO) vet ./...

staticcheck:
	@for m in $(MODULES); do echo "staticcheck $$m" && (cd $$m && $(STATICCHECK) ./...) || exit 1; done

# Every fuzz target, FUZZTIME each.
FUZZTIME ?= 20s
fuzz:
	@for p in streamwriter server; do \
		for f in $$($(GO) test -list '^Fuzz' ./$$p | grep '^Fuzz'); do \
			echo "$$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) ./$$p || exit 1; \
		done; \
	done

bench:
	$(GO) test -run '^$$' -bench . -count 5 ./streamwriter ./server
