package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fastsse/fastsse"
	"github.com/fastsse/fastsse/server"
)

// BenchmarkColdStart is the time from exec to the first byte of a stream, and to /readyz 200:
// what the first client of an instance waits for, beside the platform's own part. Brokers
// hold 10,000 events of 100 bytes, one per entry. What would make it lie: a machine that does
// something else, and the first run, which reads program and store from disk; so the median
// counts.
func BenchmarkColdStart(b *testing.B) {
	b.Run("alone", func(b *testing.B) { coldStarts(b, forContainer, "") })
	b.Run("embedded", func(b *testing.B) {
		name := "embedded:" + b.TempDir()
		fill(b, name)
		coldStarts(b, "", name)
	})
	b.Run("nats", func(b *testing.B) {
		name := startNATS(b)
		fill(b, name)
		coldStarts(b, forContainer, name)
	})
	b.Run("redis", func(b *testing.B) {
		name := startRedis(b)
		fill(b, name)
		coldStarts(b, forContainer, name)
	})
}

// fill publishes 10,000 events.
func fill(b *testing.B, name string) {
	bp, err := openBroker(context.Background(), config{backplane: name, feed: "fastsse"}, func(err error) { b.Error(err) })
	if err != nil {
		b.Fatal(err)
	}
	defer bp.close()
	hub, err := server.New(server.Config{Backplane: bp.Backplane})
	if err != nil {
		b.Fatal(err)
	}
	defer hub.Close(context.Background())
	const publishers, each = 20, 500
	var all sync.WaitGroup
	for i := range publishers {
		all.Go(func() {
			for range each {
				if _, err := hub.Publish(fmt.Sprint("topic", i), fastsse.Event{Data: []byte(strings.Repeat("x", 100))}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// coldStarts starts the program, built with these tags, again and again.
func coldStarts(b *testing.B, tags, name string) {
	exe := build(b, tags)
	info, err := os.Stat(exe)
	if err != nil {
		b.Fatal(err)
	}
	var args []string
	if name != "" {
		args = []string{"-backplane", name}
	}
	var took []time.Duration
	for b.Loop() {
		took = append(took, coldStart(b, exe, args...))
	}
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(ms(took[len(took)/2]), "median-ms")
	b.ReportMetric(ms(took[len(took)-1]), "max-ms")
	b.ReportMetric(float64(info.Size())/(1<<20), "MiB")
}

// coldStart starts the program at a port that is free now, opens a stream as soon as it can,
// and asks whether it is ready. It returns the time until both are answered.
func coldStart(b *testing.B, exe string, args ...string) time.Duration {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	cmd := exec.Command(exe, append([]string{"-addr", addr}, args...)...)
	cmd.Env = []string{"TOKEN=secret"}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	for {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			break
		}
		if time.Since(start) > 10*time.Second {
			b.Fatal(err)
		}
		time.Sleep(100 * time.Microsecond)
	}
	// The comment that each stream begins with, and the last line of the answer.
	awaitLine(b, addr, "/events?topic=a", ":")
	awaitLine(b, addr, "/readyz", "ready")
	return time.Since(start)
}

// awaitLine asks for a path until a line of the answer begins with prefix.
func awaitLine(b *testing.B, addr, path, prefix string) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n", path)
	r := bufio.NewReader(conn)
	for line := ""; !strings.HasPrefix(line, prefix); {
		if line, err = r.ReadString('\n'); err != nil && !strings.HasPrefix(line, prefix) {
			b.Fatalf("%s: %q, %v", path, line, err)
		}
	}
}
