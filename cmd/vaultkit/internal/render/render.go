// Package render prints what commands find and do: as text for people and for cut and
// awk, and as JSON.
package render

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"goblin/vaultkit"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// Printer prints to the standard streams.
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

// NoProviders is for people where there is nothing to list.
const NoProviders = "No provider has a secret yet. Store the first one with: vaultkit put PROVIDER api_key=-"

// Value prints a value as JSON.
func (p *Printer) Value(value any) error {
	encoder := json.NewEncoder(p.io.Out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// OrEmpty makes an absent list the empty array it is in JSON.
func OrEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// When returns a time as people read it, in UTC; empty for none.
func When(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// Versions is "1 -> 2", or just "1" for a rotation that made no new version.
func Versions(r vaultkit.Record) string {
	if r.NewVersion == 0 {
		return strconv.Itoa(r.OldVersion)
	}
	return fmt.Sprintf("%d -> %d", r.OldVersion, r.NewVersion)
}
