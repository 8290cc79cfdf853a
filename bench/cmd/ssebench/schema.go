package main

import "github.com/fastsse/fastsse/bench/internal/result"

// schemaCommand prints the meaning of what -json writes.
type schemaCommand struct{}

// Run prints the JSON Schema of results.
func (*schemaCommand) Run(con *console) error {
	_, err := con.out.Write(result.JSONSchema())
	return err
}
