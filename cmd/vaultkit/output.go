package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

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
