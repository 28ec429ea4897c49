package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"goblin/vaultkit"
)

// printJSON prints a value as JSON.
func (c *cli) printJSON(value any) error {
	encoder := json.NewEncoder(c.Out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// orEmpty makes an absent list the empty array it is in JSON.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// table prints aligned columns. Every cell is made safe for a terminal.
type table struct {
	w      *tabwriter.Writer
	indent string
}

// newTable starts a table; without headings it is a list of names and values.
func newTable(out io.Writer, indent string, headings ...string) *table {
	t := &table{w: tabwriter.NewWriter(out, 0, 0, 2, ' ', 0), indent: indent}
	if len(headings) > 0 {
		t.row(headings...)
	}
	return t
}

func (t *table) row(cells ...string) {
	for i, text := range cells {
		cells[i] = cell(text)
	}
	fmt.Fprintln(t.w, t.indent+strings.Join(cells, "\t")) // the writer keeps its error for flush
}

// optional adds a row unless its value is empty.
func (t *table) optional(name, value string) {
	if value != "" {
		t.row(name, value)
	}
}

func (t *table) flush() error { return t.w.Flush() }

// cell shows what was claimed in a record without letting it steer the terminal.
func cell(text string) string {
	if text == "" {
		return "-"
	}
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.QuoteToGraphic(text)
	}
	return text
}

// when is a time as people read it, in UTC; empty for none.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// versions is "1 -> 2", or just "1" for a rotation that made no new version.
func versions(r vaultkit.Record) string {
	if r.NewVersion == 0 {
		return strconv.Itoa(r.OldVersion)
	}
	return fmt.Sprintf("%d -> %d", r.OldVersion, r.NewVersion)
}
