package terminal

import (
	"cmp"
	"os"
	"runtime"
)

// Style is the number of a "select graphic rendition" sequence; empty: plain text.
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

// anyValue styles every value of a column that is not empty.
const anyValue = "*"

// marks are the styles of values that need attention, by the heading of their column.
var marks = map[string]map[string]Style{
	"DUE":      {anyValue: Red},
	"NOTE":     {anyValue: Yellow},
	"OUTCOME":  {"undecided": Yellow, "unknown": Yellow, "recreated": Yellow},
	"ROTATION": {"undecided": Yellow, "unknown": Yellow},
}

// markOf returns the style of a cell.
func markOf(heading, text string) Style {
	if text == emptyCell {
		return ""
	}
	return cmp.Or(marks[heading][text], marks[heading][anyValue])
}

// takesColor reports whether a stream is a terminal with colors, and NO_COLOR is not
// set (https://no-color.org).
func takesColor(stream any) bool {
	term := os.Getenv("TERM")
	if runtime.GOOS == "windows" && term == "" && os.Getenv("WT_SESSION") == "" {
		return false // an old console would show the sequences themselves
	}
	return IsTerminal(stream) && os.Getenv("NO_COLOR") == "" && term != "dumb"
}
