//go:build unix

package exec

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"goblin/vaultkit/cmd/vaultkit/internal/exitcode"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// problems tells the user of what prevents new keys from being seen: once when a problem
// begins, however many providers it concerns, and once when there is none any more.
type problems struct {
	io   *terminal.IO
	mu   sync.Mutex
	open map[string]string // the kind of the problem of each provider that has one
	why  string            // why new providers are left out; empty: none was so far
}

func newProblems(io *terminal.IO) *problems {
	return &problems{io: io, open: make(map[string]string)}
}

// report reports the outcome of looking at a provider; without a name, at all of them.
func (p *problems) report(provider string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		if p.open[provider] != "" {
			if delete(p.open, provider); len(p.open) == 0 {
				fmt.Fprintln(p.io.Err, "vaultkit: new keys are seen again")
			}
		}
		return
	}
	kind := kindOf(provider, err)
	known := slices.Contains(slices.Collect(maps.Values(p.open)), kind)
	if p.open[provider] = kind; !known {
		p.io.Warn("no new keys are seen, and the command keeps running: %s", exitcode.Text(err))
	}
}

// leftOut reports why new providers are left out, once for each reason.
func (p *problems) leftOut(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if text := exitcode.Text(err); text != p.why {
		p.why = text
		p.io.Warn("new providers are left out: %s", text)
	}
}

// kindOf returns what problems have in common that are told once: Vault is unavailable
// for all providers alike, but it refuses each one by itself.
func kindOf(provider string, err error) string {
	code := exitcode.Of(err)
	if code == exitcode.Unavailable {
		provider = ""
	}
	return fmt.Sprint(code, " ", provider)
}
