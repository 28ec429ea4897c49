package terminal

import (
	"cmp"
	"os"
	"runtime"
)

// Style is how a terminal shows a text: the number of a "select graphic rendition"
// sequence. Empty: as any other text.
type Style string

// The styles.
const (
	Bold   Style = "1"
	Red    Style = "31"
	Yellow Style = "33"
)

func (s Style) paint(text string) string {
	if s == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// anyValue marks every value of a column that is not empty.
const anyValue = "*"

// marks are the values that want attention, by the heading of their column.
var marks = map[string]map[string]Style{
	"DUE":      {anyValue: Red},
	"NOTE":     {anyValue: Yellow},
	"OUTCOME":  {"undecided": Yellow, "unknown": Yellow, "recreated": Yellow},
	"ROTATION": {"undecided": Yellow, "unknown": Yellow},
}

// markOf is how to show a cell below a heading.
func markOf(heading, text string) Style {
	if text == emptyCell {
		return ""
	}
	return cmp.Or(marks[heading][text], marks[heading][anyValue])
}

// takesColor reports that a stream is a terminal that takes colors, and that nobody
// has asked for none (https://no-color.org).
func takesColor(stream any) bool {
	term := os.Getenv("TERM")
	if runtime.GOOS == "windows" && term == "" && os.Getenv("WT_SESSION") == "" {
		return false // an old console would show the sequences themselves
	}
	return IsTerminal(stream) && os.Getenv("NO_COLOR") == "" && term != "dumb"
}
