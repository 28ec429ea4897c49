package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"goblin/vaultkit/cmd/vaultkit/internal/command"
	"goblin/vaultkit/cmd/vaultkit/internal/command/dev"
	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
	"goblin/vaultkit/internal/short"

	"github.com/hashicorp/vault/api"
)

// devArgs returns the command line of dev. Under -short it needs no Vault program.
func devArgs(port string) []string {
	args := []string{"dev", "--port", port}
	if testing.Short() {
		args = append(args, "--in-memory")
	}
	return args
}

// exports returns the address and the token that dev prints, and discards the rest of its
// output.
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
		t.Fatalf("vaultkit dev exports VAULT_ADDR=%q and VAULT_TOKEN=%q, want both", address, token)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	return address, token
}

// answers fails the test unless the Vault at the address accepts the token.
func answers(t *testing.T, address, token string) {
	t.Helper()
	client, err := api.NewClient(&api.Config{Address: address})
	if err != nil {
		t.Fatalf("api.NewClient() = %v, want no error", err)
	}
	client.SetToken(token)
	defer client.CloneConfig().HttpClient.CloseIdleConnections()
	if _, err := client.Auth().Token().LookupSelfWithContext(t.Context()); err != nil {
		t.Fatalf("lookup of the token that vaultkit dev exports = %v, want no error", err)
	}
}

func gone(t *testing.T, address string) {
	t.Helper()
	var dialer net.Dialer
	if conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(address, "http://")); err == nil {
		_ = conn.Close()
		t.Errorf("vaultkit dev has ended and %s still takes connections, want none", address)
	}
}

// withDev runs dev, does the work with its Vault, and interrupts dev. It returns the
// stderr of dev.
func withDev(t *testing.T, work func(address, token string), args ...string) (said string) {
	t.Helper()
	tidy(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	out, writer := io.Pipe()
	var errs bytes.Buffer
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, append(devArgs("0"), args...), terminal.Streams{In: strings.NewReader(""), Out: writer, Err: &errs})
		_ = writer.Close()
	}()
	address, token := exports(t, out)
	work(address, token)
	interrupt()
	if code := <-done; code != exitcode.OK {
		t.Errorf("vaultkit dev %q: exit code = %d, want %d\n%s", args, code, exitcode.OK, errs.String())
	}
	gone(t, address)
	return errs.String()
}

func TestDev(t *testing.T) {
	said := withDev(t, func(address, token string) { answers(t, address, token) })
	has(t, "vaultkit dev: stderr", said, fmt.Sprintf("is running, process %d. In another terminal:\n\n\nThen try", os.Getpid()),
		"vaultkit put openai-gpt4 api_key=-\nvaultkit get", "Stopping")
}

// The server in the process needs no Vault program. A root token can be chosen on both servers.
func TestDev_ServersAndRootTokens(t *testing.T) {
	for name, args := range map[string][]string{"in memory": {"--in-memory"}, "real": nil} {
		t.Run(name, func(t *testing.T) {
			if args == nil {
				short.RealOnly(t, "a real Vault server")
			} else {
				t.Setenv("VAULTKIT_VAULT_BIN", "/nowhere/vault")
			}
			said := withDev(t, func(address, token string) {
				if token != "root" {
					t.Errorf("vaultkit dev --root-token root prints another token, want root")
				}
				answers(t, address, token)
			}, append(args, "--root-token", "root")...)
			if hint := "vaultkit dev" + strings.Join(append([]string{""}, args...), " ") + " --port 0 >vault.env"; !strings.Contains(said, hint) {
				t.Errorf("vaultkit dev: stderr = %q, want %q in it", said, hint)
			}
			if got := strings.Contains(said, "An in-process server that answers like Vault"); got != (args != nil) {
				t.Errorf("vaultkit dev %q says that the server is in the process: %v, want %v", args, got, args != nil)
			}
		})
	}
}

func TestDevSeed(t *testing.T) {
	said := withDev(t, func(address, token string) {
		on := []string{"--address", address, "--token-file", file(t, token)}
		vkBare(t.Context(), t, "", append(on, "list")...).prints(t, "local-llama\nopenai-gpt4\n")
		out := vkBare(t.Context(), t, "", append([]string{"get", "local-llama", "--all"}, on...)...).ok(t)
		if got := decode[map[string]string](t, out, true); got["api_key"] != "demo" || got["api_secret"] != "demo" || len(got) != 2 {
			t.Errorf("vaultkit get local-llama --all = %s, want the two demo fields", out)
		}
		vkBare(t.Context(), t, "", append([]string{"get", "openai-gpt4"}, on...)...).shows(t, "not-a-real-key")
	}, "--seed")
	has(t, "vaultkit dev --seed: stderr", said, "Then try this, with fake keys:\n\nvaultkit list\n")
}

// In a pipe, dev prints two lines that a shell can run.
func TestDev_PrintsOnlyExports(t *testing.T) {
	tidy(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var out strings.Builder
	deps := command.New(terminal.Streams{In: strings.NewReader(""), Out: &out, Err: &watcher{text: "Then try", found: interrupt}})
	if err := dev.Run(ctx, &dev.Options{Deps: deps, InMemory: testing.Short()}); err != nil {
		t.Fatalf("vaultkit dev = %v, want no error", err)
	}
	want := regexp.MustCompile(`^export VAULT_ADDR=http://127\.0\.0\.1:\d+\nexport VAULT_TOKEN=[\w.-]+\n$`)
	if got := out.String(); !want.MatchString(got) {
		t.Errorf("vaultkit dev prints %q, want a match of %s", got, want)
	}
}

// Where there is no server to run, dev names the way that needs none.
func TestDev_WithoutAServerNamesInMemory(t *testing.T) {
	tidy(t)
	t.Chdir(t.TempDir())
	t.Setenv("VAULTKIT_VAULT_BIN", "")
	t.Setenv("PATH", t.TempDir())
	vkBare(t.Context(), t, "", "dev", "--port", "0").exits(t, exitcode.Failure, "no vault server to run", "add --in-memory")
}

func TestDev_NamesAPortInUse(t *testing.T) {
	tidy(t)
	var config net.ListenConfig
	taken, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("config.Listen() = %v, want no error", err)
	}
	defer func() { _ = taken.Close() }()
	port := strconv.Itoa(taken.Addr().(*net.TCPAddr).Port)
	// A program that VAULTKIT_VAULT_BIN names is named on stderr, too.
	vkBare(t.Context(), t, "", devArgs(port)...).exits(t, exitcode.Failure, port, "in use", "--port 0")
}

func TestDev_FailsIfOutputFails(t *testing.T) {
	tidy(t)
	vkTo(t.Context(), t, failing{}, "", devArgs("0")...).exits(t, exitcode.Failure, "nobody listens")
}
