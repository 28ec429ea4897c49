// Package devvault runs a real Vault server for tests, `vaultkit demo` and
// `vaultkit dev`: on a loopback port, out of a private temporary directory,
// initialised, unsealed, with the mounts that vaultkit expects.
//
//	srv, err := devvault.Start(ctx, devvault.Options{})
//	if err != nil {
//		return err
//	}
//	defer srv.Stop()
//	// srv.Addr(), srv.RootToken()
//
// [StartCluster] runs several that share their data over Raft, to be killed one
// at a time.
//
// # The binary
//
// $VAULTKIT_VAULT_BIN, any `vault` or `bao`, if set; else, with
// [Options.UsePath], the `vault` or `bao` on PATH; else the pinned server in
// internal/devvault/server, which is compiled once into the user's cache directory
// (server/README.md says how long it takes). Whichever it is, it is run the same way:
// `BIN server -config=FILE`, never `-dev`, which would overwrite ~/.vault-token and can
// neither be sealed for good nor restarted.
//
// # What it leaves behind
//
// Stop removes processes and directories. On Linux a server dies with the process
// that started it, however that ends; elsewhere a crash may leave it running. The
// compiled binary stays in the cache.
package devvault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// Options says which server to start. The zero value is an in-memory server on
// a free port.
type Options struct {
	// Raft keeps the data on disk, so that it survives Kill and Restart.
	// Default: in memory.
	Raft bool

	// Log receives the progress of a first build, and which binary is used if
	// it is not the pinned one. Default: os.Stderr.
	Log io.Writer

	// UsePath looks for `vault`, then `bao`, on PATH when VAULTKIT_VAULT_BIN is
	// not set. Tests leave it off: they are about one version.
	UsePath bool

	// Port to listen on, on 127.0.0.1. Default: a free one.
	Port int
}

// Server is a running Vault server. Its methods may be used concurrently.
type Server struct {
	node
	version string
	audit   string // path of the audit log, or ""
}

// Start runs a Vault server and returns when it is ready: initialised,
// unsealed, with KV version 2 at secret/, AppRole and Kubernetes auth at their
// default paths, and a file audit device. ctx bounds the start only; the server
// runs until [Server.Stop].
//
// Start builds the pinned server first if that has not happened yet on this
// machine and no other binary was named, which takes minutes.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = os.Stderr
	}
	bin, dir, err := prepareBinary(ctx, o)
	if err != nil {
		return nil, wrap("start", err)
	}
	s := &Server{node: node{binary: bin, dir: dir, raft: o.Raft, id: "dev", keys: &credentials{}}}
	if err := s.start(ctx, o); err != nil {
		return nil, errors.Join(wrap("start", err), s.Stop())
	}
	return s, nil
}

// provide finds the binary and makes the private directory.
func prepareBinary(ctx context.Context, o Options) (binary, string, error) {
	bin, err := findBinary(ctx, o)
	if err != nil {
		return binary{}, "", err
	}
	dir, err := os.MkdirTemp("", "vaultkit-devvault-") // mode 0700
	return bin, dir, err
}

func (s *Server) start(ctx context.Context, o Options) error {
	ctx, cancel := s.withTimeout(ctx)
	defer cancel()
	if err := s.launch(ctx, o.Port); err != nil {
		return err
	}
	if err := s.setup(ctx, o.Log); err != nil {
		return s.withLog(err)
	}
	return nil
}

// Addr is the server's base URL, http://127.0.0.1:PORT.
func (s *Server) Addr() string { return s.addr() }

// RootToken is a token that may do everything.
func (s *Server) RootToken() string { return s.keys.rootToken }

// AuditLog is the path of the audit device's file, one JSON document a line. It
// is empty if an external binary refused to enable the device, and gone after
// [Server.Stop].
func (s *Server) AuditLog() string { return s.audit }

// Binary is the path of the program that runs: what VAULTKIT_VAULT_BIN names for
// a process that is to run the same.
func (s *Server) Binary() string { return s.binary.path }

// Version is what the server calls itself, for example 1.21.2.
func (s *Server) Version() string { return s.version }

// String names the server. It never shows the root token or the unseal key, and
// neither does any other way of formatting a Server.
func (s *Server) String() string { return "devvault.Server(" + s.Addr() + ")" }

// GoString is like String.
func (s *Server) GoString() string { return s.String() }

// Format prints String, whatever the verb.
func (s *Server) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// Seal seals the server: until [Server.Unseal] it answers 503 to everything.
func (s *Server) Seal(ctx context.Context) error {
	ctx, cancel := s.withTimeout(ctx)
	defer cancel()
	return wrap("seal", s.api.seal(ctx))
}

// UnsealKey is what the server is unsealed with.
func (s *Server) UnsealKey() string { return s.keys.unsealKey }

// Unseal unseals the server and returns when it serves requests again.
func (s *Server) Unseal(ctx context.Context) error {
	ctx, cancel := s.withTimeout(ctx)
	defer cancel()
	return wrap("unseal", s.api.unseal(ctx))
}

// Kill ends the server at once, as a crash would. The data of a Raft server
// stays for [Server.Restart]. Killing a server that isn't running does nothing.
func (s *Server) Kill() error { return wrap("kill", s.kill()) }

// Restart starts a Raft server again after [Server.Kill], or ends it cleanly
// and starts it again, on the same port with the same data, and unseals it. An
// in-memory server cannot be restarted: its data would be gone.
func (s *Server) Restart(ctx context.Context) error {
	ctx, cancel := s.withTimeout(ctx)
	defer cancel()
	return wrap("restart", s.restart(ctx))
}

// Stop ends the server and removes its directory: cleanly if it ends within ten
// seconds, by force if not. Stopping twice does nothing.
func (s *Server) Stop() error {
	return wrap("stop", errors.Join(s.stopForGood((*process).stop), os.RemoveAll(s.dir)))
}

// wrap names the failed operation.
func wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("devvault: %s: %w", op, err)
}
