// Package memvault is a Vault in the process: the part of Vault's HTTP API that vaultkit
// and its users need, over a store in memory.
//
// It answers as the real server does: the same statuses, bodies and error texts. What it
// does not know gets Vault's own 404, and a parameter that Vault honours and memvault does
// not is refused by name. The package difftest compares the two.
package memvault

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"goblin/vaultkit/internal/memvault/audit"
	"goblin/vaultkit/internal/memvault/clock"
	"goblin/vaultkit/internal/memvault/kubernetes"
	"goblin/vaultkit/internal/memvault/kv2"
	"goblin/vaultkit/internal/memvault/policies"
	"goblin/vaultkit/internal/memvault/token"
	"goblin/vaultkit/internal/memvault/wrapping"
)

// Options describes a server. The zero value is an unsealed Vault with a random root token, KV
// version 2 at secret/, AppRole and Kubernetes at their default paths, and no audit device.
type Options struct {
	// Flavor is the product whose answers the server gives. The default is Vault.
	Flavor Flavor

	// RootToken is the token that may do everything. The default is a random one.
	RootToken string

	// Audit receives the lines of an audit device named "file/", if it is not nil.
	Audit io.Writer

	// Quirk and TokenQuirk plant a difference from Vault, for tests of the comparison with it.
	Quirk      kv2.Quirk
	TokenQuirk token.Quirk
}

// Format hides the root token for every verb.
func (Options) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "memvault.Options(…)") }

// Server is an in-process Vault. Its methods are safe for concurrent use.
type Server struct {
	*process
	namespace namespace

	policies *policies.Store
	tokens   *token.Store
	wrapping *wrapping.Store
	mounts   *mounts // guarded by mu
}

// process is what the namespaces of a server share.
type process struct {
	flavor   Flavor
	clock    clock.Clock
	about    identity
	web      http.Handler
	quirk    kv2.Quirk
	root     string
	accounts kubernetes.Accounts

	mu         sync.Mutex // guards everything below
	namespaces map[string]*Server
	sealed     bool
	audit      *auditor

	listener *listener
}

// New returns a server that serves no socket yet: use Transport, Handler or Listen.
func New(o Options) *Server {
	product := cmp.Or(o.Flavor, Vault)
	shared := &process{flavor: product, about: newIdentity(), audit: newAuditor(product), quirk: o.Quirk}
	s := &Server{process: shared, policies: policies.NewStore()}
	s.namespaces = map[string]*Server{"": s}
	s.tokens = token.NewStore(&s.clock, s.policies, o.TokenQuirk)
	if s.OpenBao() {
		s.policies.AsOpenBao(s.clock.Now)
		s.tokens.AsOpenBao()
	}
	s.wrapping = wrapping.NewStore(&s.clock, s.tokens)
	s.root = s.tokens.CreateRoot(o.RootToken)
	s.mounts = s.newMounts()
	if o.Audit != nil {
		s.audit.devices["file/"] = audit.New(uncloseable{o.Audit}, "", map[string]string{"file_path": "a writer"})
	}
	s.web = s.newHandler()
	return s
}

// RootToken returns the root token.
func (s *Server) RootToken() string { return s.root }

// UnsealKey returns the key that unseals the server.
func (s *Server) UnsealKey() string { return s.about.unsealKey }

// Advance moves the server's clock forward. Only the server's time changes: tokens and
// versions expire, and a client's timers do not notice.
func (s *Server) Advance(d time.Duration) { s.clock.Advance(d) }

// Seal makes the server answer 503 until Unseal. Its data stays.
func (s *Server) Seal() { s.setSealed(true) }

// Unseal ends Seal.
func (s *Server) Unseal() { s.setSealed(false) }

func (s *Server) setSealed(sealed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sealed = sealed
}

// String names the server without its secrets.
func (s *Server) String() string { return "memvault.Server(" + s.Addr() + ")" }

// GoString returns the same as String.
func (s *Server) GoString() string { return s.String() }

// Format prints String for every verb, because a Server holds the root token.
func (s *Server) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }
