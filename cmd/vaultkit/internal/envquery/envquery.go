// Package envquery reports progress and skipped fields while env and exec read an
// environment.
package envquery

import (
	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/namelist"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// MostNames is the largest number of names in one line.
const MostNames = 20

// Report shows on a terminal how many providers are read. It skips the fields that have
// no safe variable name; done warns of them once for each provider. It also warns of
// secrets without fields.
func Report(io *terminal.IO, query *vaultkit.EnvQuery) (done func()) {
	step, end := func() {}, func() {}
	query.Progress = func(done, total int) {
		if done == 0 {
			step, end = io.Progress("reading", total)
			return
		}
		step()
	}
	warn := warnSkipped(io, query)
	return func() {
		warn()
		end()
	}
}

func warnSkipped(io *terminal.IO, query *vaultkit.EnvQuery) (warn func()) {
	var providers []string
	skipped := make(map[string][]string)
	query.Skipped = func(provider, field string, _ error) {
		if field == "" {
			io.Warn("%s has no fields, so it has no variables", provider)
			return
		}
		if skipped[provider] == nil {
			providers = append(providers, provider)
		}
		skipped[provider] = append(skipped[provider], terminal.Cell(field))
	}
	return func() {
		for _, provider := range providers {
			io.Warn("skipped %s of %s: the variable name would not be safe; a --prefix such as APP_ may help",
				namelist.First(skipped[provider], MostNames), provider)
		}
	}
}
