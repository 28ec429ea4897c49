package render

import (
	"strings"

	"goblin/vaultkit/cmd/vaultkit/internal/rotationid"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// brief shortens times, dates and ids so that a table fits a terminal. Elsewhere it
// returns them unchanged.
type brief struct{ ids map[string]string }

// briefly returns the brief for a table with some ids.
func briefly(t *terminal.Table, ids []string) brief {
	if !t.Aligned() {
		return brief{}
	}
	return brief{rotationid.ShortAll(ids)}
}

func (b brief) id(id string) string {
	if b.ids == nil {
		return id
	}
	return b.ids[id]
}

// time removes the seconds from a result of When.
func (b brief) time(text string) string {
	if b.ids == nil || text == "" {
		return text
	}
	return text[:len(text)-len(":05Z")] + "Z"
}

// date removes the time of day from a text that ends in a result of When.
func (b brief) date(text string) string {
	if before, ends := strings.CutSuffix(text, "Z"); b.ids != nil && ends {
		return before[:len(before)-len(" 15:04:05")]
	}
	return text
}
