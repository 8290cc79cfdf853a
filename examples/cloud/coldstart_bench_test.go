package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// BenchmarkColdStart is the time from exec to the first byte of a stream: what the first
// client of an instance waits for, beside the platform's own part. What would make it lie:
// a machine that does something else, and the first run, which reads the program from disk;
// so the median counts.
func BenchmarkColdStart(b *testing.B) {
	exe := build(b, forContainer)
	info, err := os.Stat(exe)
	if err != nil {
		b.Fatal(err)
	}
	var took []time.Duration
	for b.Loop() {
		took = append(took, coldStart(b, exe))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "median-ms")
	b.ReportMetric(float64(info.Size())/(1<<20), "MiB")
}

// coldStart starts the program at a port that is free now, opens a stream as soon as it can,
// and returns the time until its first byte.
func coldStart(b *testing.B, exe string) time.Duration {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	cmd := exec.Command(exe, "-addr", addr)
	cmd.Env = []string{"TOKEN=secret"}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	conn, err := net.Dial("tcp", addr)
	for ; err != nil; conn, err = net.Dial("tcp", addr) {
		if time.Since(start) > 10*time.Second {
			b.Fatal(err)
		}
		time.Sleep(50 * time.Microsecond)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "GET /events?topic=a HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n")
	r := bufio.NewReader(conn)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			b.Fatal(err)
		}
		if strings.HasPrefix(line, ":") { // the comment that each stream begins with
			return time.Since(start)
		}
	}
}
