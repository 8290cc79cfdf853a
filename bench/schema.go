package main

import "github.com/fastsse/fastsse/bench/result"

// schemaCommand prints what -json writes means.
type schemaCommand struct{}

// Run prints the JSON Schema of results.
func (*schemaCommand) Run(con *console) error {
	_, err := con.out.Write(result.JSONSchema())
	return err
}
