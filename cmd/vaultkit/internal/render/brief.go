package render

import (
	"strings"

	"goblin/vaultkit/cmd/vaultkit/internal/rotationid"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// brief is how a terminal shows what else would not fit it: times without seconds,
// dates of less weight without the time, ids in short. Elsewhere all is whole.
type brief struct{ ids map[string]string }

// briefly is how a table shows the rotations with some ids.
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

// time leaves the seconds out of what when returns.
func (b brief) time(text string) string {
	if b.ids == nil || text == "" {
		return text
	}
	return text[:len(text)-len(":05Z")] + "Z"
}

// date leaves the time of day out of a text that ends in what when returns.
func (b brief) date(text string) string {
	if before, ends := strings.CutSuffix(text, "Z"); b.ids != nil && ends {
		return before[:len(before)-len(" 15:04:05")]
	}
	return text
}
