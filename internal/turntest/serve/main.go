// Command serve runs a TURN server for the browser tests, tells what it is by one line of JSON, and ends with its standard input.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"nearlight/internal/turntest"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "serve:", err)
		os.Exit(1)
	}
}

func run() (err error) {
	server, err := turntest.Open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	if err := json.NewEncoder(os.Stdout).Encode(map[string]string{
		"udp": server.UDP, "tcp": server.TCP, "tls": server.TLS, "username": turntest.Username, "credential": turntest.Credential,
	}); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}
