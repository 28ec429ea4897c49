// Package render prints the results of commands: as text for people, as tab-separated
// values for cut and awk, and as JSON.
package render

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// Printer prints results to standard output, and warnings to standard error.
type Printer struct {
	JSON bool // print data as JSON
	io   *terminal.IO
}

// New returns a Printer that prints to io.
func New(io *terminal.IO) *Printer { return &Printer{io: io} }

// Table starts a table on standard output.
func (p *Printer) Table(indent string, headings ...string) *terminal.Table {
	return terminal.NewTable(p.io.Out, indent, headings...)
}

// NoProviders is printed for people if there are no providers.
const NoProviders = "No provider has a secret yet. Store the first one with: vaultkit put PROVIDER api_key=-"

// Value prints a value as JSON.
func (p *Printer) Value(value any) error {
	encoder := json.NewEncoder(p.io.Out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// OrEmpty returns an empty list for nil, so that JSON has [] and not null.
func OrEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// When returns a time in UTC for people; empty: the time is zero.
func When(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// Versions returns "1 -> 2", or "1" for a rotation without a new version.
func Versions(r vaultkit.Record) string {
	if r.NewVersion == 0 {
		return strconv.Itoa(r.OldVersion)
	}
	return fmt.Sprintf("%d -> %d", r.OldVersion, r.NewVersion)
}
