package memvault

import (
	"io"
	"time"

	"goblin/vaultkit/internal/memvault/logical"
)

// auditor writes the lines of the audit devices.
type auditor struct {
	devices map[string]io.Writer
}

func newAuditor() *auditor { return &auditor{devices: make(map[string]io.Writer)} }

func (a *auditor) enable(path string, w io.Writer) { a.devices[path] = w }

// request records a request. err is why it was refused before an engine saw it.
func (a *auditor) request(_ time.Time, _ *logical.Request, _ error) {}

// response records what a request got.
func (a *auditor) response(_ time.Time, _ *logical.Request, _ *logical.Response, _ error) {}

func (a *auditor) close() error { return nil }
