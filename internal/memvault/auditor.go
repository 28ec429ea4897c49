package memvault

import (
	"errors"
	"io"

	"goblin/vaultkit/internal/memvault/audit"
	"goblin/vaultkit/internal/memvault/logical"
)

// auditor holds the audit devices, and the request headers that they show.
type auditor struct {
	devices map[string]*audit.Device
	headers map[string]bool // lower-case names, and whether as a hash
}

// newAuditor returns an auditor without devices. It shows the headers that a new Vault shows; a new
// OpenBao shows none.
func newAuditor(product Flavor) *auditor {
	a := &auditor{devices: make(map[string]*audit.Device), headers: make(map[string]bool)}
	if product == Vault {
		for _, name := range []string{"correlation-id", "x-correlation-id", "user-agent"} {
			a.headers[name] = false
		}
	}
	return a
}

// uncloseable keeps a caller's writer open.
type uncloseable struct{ io.Writer }

// Close does nothing.
func (uncloseable) Close() error { return nil }

// record writes a line to every device.
func (a *auditor) record(line audit.Record) error {
	line.Headers = a.headers
	var failed error
	for _, device := range a.devices {
		failed = errors.Join(failed, device.Write(line))
	}
	return failed
}

func (a *auditor) close() error {
	var failed error
	for _, device := range a.devices {
		failed = errors.Join(failed, device.Close())
	}
	clear(a.devices)
	return failed
}

// auditRequest records a request. refusal is why it goes no further, if it does not.
func (s *Server) auditRequest(r *logical.Request, m *mount, refusal error) error {
	return s.audit.record(audit.Record{Time: s.clock.Now(), Request: r, Mount: m.audited(), Namespace: s.audited(), Err: refusal})
}

// auditResponse records what the request gets.
func (s *Server) auditResponse(r *logical.Request, m *mount, response *logical.Response, err error) error {
	return s.audit.record(audit.Record{
		Time: s.clock.Now(), Request: r, Mount: m.audited(), Namespace: s.audited(), Response: response, Err: err, Answered: true,
	})
}

// audited names the namespace in a line.
func (s *Server) audited() audit.Namespace {
	if s.namespace.path == "" {
		return audit.Namespace{}
	}
	return audit.Namespace{ID: s.namespace.id, Path: s.namespace.path}
}

// audited describes the mount in a line. m may be nil.
func (m *mount) audited() audit.Mount {
	if m == nil {
		return audit.Mount{}
	}
	class := "secret"
	if m.isAuth() {
		class = "auth"
	}
	return audit.Mount{Path: m.path, Type: m.kind, Class: class, Accessor: m.accessor, Version: m.pluginVersion()}
}
