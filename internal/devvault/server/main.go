// Command server is a real Vault server, small enough to be built by a test
// run: Vault's own core, HTTP API, Raft and in-memory storage, with the KV
// secrets engine, the AppRole, JWT and Kubernetes auth methods and the file audit
// device. Nothing of it is simulated. What a test server does not need, such as
// the clients of clouds, is replaced by stubs that always fail: see README.md.
//
// Its command line is the part of `vault server` that package devvault uses, so
// that a real `vault` or `bao` binary can take its place:
//
//	server server -config=FILE
//	server version
//
// Vault is licensed under BUSL-1.1 since 1.15. This program is a test-only
// dependency: it lives in a module of its own that no other module imports, is
// built on the machine that runs the tests, and is never shipped.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/hashicorp/vault/version"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("usage: server server -config=FILE | server version")
	}
	switch args[0] {
	case "version":
		fmt.Println(version.GetVersion().FullVersionNumber(false))
		return nil
	case "server":
		flags := flag.NewFlagSet("server", flag.ContinueOnError)
		config := flags.String("config", "", "configuration `file`, JSON or HCL")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return serve(*config)
	default:
		return fmt.Errorf("unknown command %q: want server or version", args[0])
	}
}

// serve runs the node described by the configuration file until the process is
// told to end.
func serve(configFile string) error {
	// Watched from the first moment, so that an early SIGTERM is not lost.
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)

	config, err := loadConfig(configFile)
	if err != nil {
		return err
	}
	n, err := newNode(config)
	if err != nil {
		return err
	}
	fmt.Printf("==> Vault server started: %s\n", n.listener.Addr())
	<-stop
	return n.close()
}
