module github.com/fastsse/fastsse/bench/targets/nchan

go 1.26.0
