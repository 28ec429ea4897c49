// Package devvault runs a real Vault server for tests, `vaultkit demo` and `vaultkit dev`.
// The server listens on a loopback port, stores its files in a private temporary
// directory, and is initialised and unsealed, with the mounts that vaultkit expects.
//
//	srv, err := devvault.Start(ctx, devvault.Options{})
//	if err != nil {
//		return err
//	}
//	defer srv.Stop()
//	// srv.Addr(), srv.RootToken()
//
// [StartCluster] runs several servers that share their data over Raft. Tests can kill them
// one at a time.
//
// # The binary
//
// devvault runs the binary that $VAULTKIT_VAULT_BIN names, any `vault` or `bao`. If the
// variable is not set and [Options.UsePath] is, it looks for `vault` or `bao` on PATH.
// Otherwise it uses the pinned server in internal/devvault/server, which is compiled once
// into the user's cache directory (server/README.md says how long that takes). Every
// binary is run as `BIN server -config=FILE`. It is never run with `-dev`, which would
// overwrite ~/.vault-token and does not allow sealing or a restart.
//
// # What it leaves behind
//
// Stop removes processes and directories. On Linux a server ends with the process that
// started it, even after a crash; on other systems a crash may leave the server running.
// The compiled binary stays in the cache.
package devvault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// Options describes the server to start. The zero value is an in-memory server on a free
// port.
type Options struct {
	// Raft stores the data on disk, so that it survives Kill and Restart. The default
	// is in memory.
	Raft bool

	// Log receives the progress of a first build, and the name of a binary that is not
	// the pinned one. The default is os.Stderr.
	Log io.Writer

	// UsePath looks for `vault`, then `bao`, on PATH when VAULTKIT_VAULT_BIN is
	// not set. Tests do not set it, because they test one version.
	UsePath bool

	// Port is the port on 127.0.0.1. The default is a free one.
	Port int

	// RootToken is a root token to create. The default is the one that the server made.
	RootToken string
}

// Server is a running Vault server. Its methods are safe for concurrent use.
type Server struct {
	node
	version string
	openBao bool
	audit   string // path of the audit log, or ""
}

// Start runs a Vault server and returns when it is ready: initialised, unsealed, with KV
// version 2 at secret/, AppRole and Kubernetes auth at their default paths, and a file
// audit device. ctx limits only the start; the server runs until [Server.Stop].
//
// If no other binary is used, the first Start on a machine builds the pinned server, which
// takes minutes.
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

// prepareBinary returns the binary and a new private directory.
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
	if o.RootToken == "" {
		return nil
	}
	return s.api.replaceRootToken(ctx, o.RootToken)
}

// Addr returns the server's base URL, http://127.0.0.1:PORT.
func (s *Server) Addr() string { return s.addr() }

// RootToken returns the root token, which may do everything.
func (s *Server) RootToken() string { return s.keys.rootToken }

// AuditLog returns the path of the audit device's file, with one JSON document a line. The
// path is empty if an external binary refused to enable the device. [Server.Stop] removes
// the file.
func (s *Server) AuditLog() string { return s.audit }

// Binary returns the path of the running program. Set VAULTKIT_VAULT_BIN to it to make
// another process run the same.
func (s *Server) Binary() string { return s.binary.path }

// Version returns the server's own version, for example 1.21.2.
func (s *Server) Version() string { return s.version }

// Name returns the server's product and version, for example Vault 1.21.2.
func (s *Server) Name() string {
	if s.openBao {
		return "OpenBao " + s.version
	}
	return "Vault " + s.version
}

// OpenBao reports whether the server is OpenBao.
func (s *Server) OpenBao() bool { return s.openBao }

// String returns the server's type and address. Neither String nor any other way to format
// a Server shows the root token or the unseal key.
func (s *Server) String() string { return "devvault.Server(" + s.Addr() + ")" }

// GoString returns the same as String.
func (s *Server) GoString() string { return s.String() }

// Format prints String for every verb.
func (s *Server) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// Seal seals the server. Until [Server.Unseal] it answers every request with 503.
func (s *Server) Seal(ctx context.Context) error {
	ctx, cancel := s.withTimeout(ctx)
	defer cancel()
	return wrap("seal", s.api.seal(ctx))
}

// UnsealKey returns the key that unseals the server.
func (s *Server) UnsealKey() string { return s.keys.unsealKey }

// Unseal unseals the server and returns when it serves requests again.
func (s *Server) Unseal(ctx context.Context) error {
	ctx, cancel := s.withTimeout(ctx)
	defer cancel()
	return wrap("unseal", s.api.unseal(ctx))
}

// Kill ends the server at once, as a crash would. A Raft server's data stays for
// [Server.Restart]. Killing a server that does not run does nothing.
func (s *Server) Kill() error { return wrap("kill", s.kill()) }

// Restart starts a Raft server on the same port with the same data and unseals it, after
// [Server.Kill] or after ending it cleanly. An in-memory server cannot be restarted,
// because its data would be lost.
func (s *Server) Restart(ctx context.Context) error {
	ctx, cancel := s.withTimeout(ctx)
	defer cancel()
	return wrap("restart", s.restart(ctx))
}

// Stop ends the server and removes its directory. If the server does not end within ten
// seconds, it is killed. Calling Stop again does nothing.
func (s *Server) Stop() error {
	return wrap("stop", errors.Join(s.stopForGood((*process).stop), os.RemoveAll(s.dir)))
}

// wrap adds the name of the failed operation.
func wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("devvault: %s: %w", op, err)
}
