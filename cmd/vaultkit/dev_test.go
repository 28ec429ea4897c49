package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"
)

// exports reads what dev prints until it has the address and the token, and
// goes on reading so that dev never waits.
func exports(t *testing.T, out io.Reader) (address, token string) {
	t.Helper()
	lines := bufio.NewScanner(out)
	for token == "" && lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), "export VAULT_ADDR="); ok {
			address = value
		}
		if value, ok := strings.CutPrefix(lines.Text(), "export VAULT_TOKEN="); ok {
			token = value
		}
	}
	if address == "" || token == "" {
		t.Fatal("dev did not print its exports")
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return address, token
}

// answers fails the test unless a Vault there knows the token.
func answers(t *testing.T, address, token string) {
	t.Helper()
	client, err := api.NewClient(&api.Config{Address: address})
	if err != nil {
		t.Fatal(err)
	}
	client.SetToken(token)
	defer client.CloneConfig().HttpClient.CloseIdleConnections()
	if _, err := client.Auth().Token().LookupSelfWithContext(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func gone(t *testing.T, address string) {
	t.Helper()
	t.Helper()
	var dialer net.Dialer
	if conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(address, "http://")); err == nil {
		_ = conn.Close()
		t.Error("the server still answers")
	}
}

func TestDev(t *testing.T) {
	tidy(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	out, writer := io.Pipe()
	var errs bytes.Buffer
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, []string{"dev", "--port", "0"}, streams{In: strings.NewReader(""), Out: writer, Err: &errs})
		_ = writer.Close()
	}()
	address, token := exports(t, out)
	answers(t, address, token)
	interrupt()
	if code := <-done; code != exitOK {
		t.Errorf("exit code %d: %s", code, errs.String())
	}
	has(t, errs.String(), "Stopping")
	gone(t, address)
}

func TestDevPortInUse(t *testing.T) {
	tidy(t)
	var config net.ListenConfig
	taken, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	port := strconv.Itoa(taken.Addr().(*net.TCPAddr).Port)
	vkBare(t.Context(), t, "", "dev", "--port", port).want(t, exitFailure, port, "in use", "--port 0")
}

func TestDevWithoutListeners(t *testing.T) {
	tidy(t)
	var errs bytes.Buffer
	if code := run(t.Context(), []string{"dev", "--port", "0"}, streams{In: strings.NewReader(""), Out: failing{}, Err: &errs}); code != exitFailure {
		t.Errorf("exit code %d: %s", code, errs.String())
	}
}
