module github.com/fastsse/fastsse/bench/targets/naivenethttp

go 1.26.0
