package main

import (
	"cmp"
	"os"
	"runtime"
)

// style is how a terminal shows a text: the number of a "select graphic rendition"
// sequence. Empty: as any other text.
type style string

const (
	bold   style = "1"
	red    style = "31"
	yellow style = "33"
)

func (s style) paint(text string) string {
	if s == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// anyValue marks every value of a column that is not empty.
const anyValue = "*"

// marks are the values that want attention, by the heading of their column.
var marks = map[string]map[string]style{
	"DUE":      {anyValue: red},
	"NOTE":     {anyValue: yellow},
	"OUTCOME":  {"undecided": yellow, "unknown": yellow, "recreated": yellow},
	"ROTATION": {"undecided": yellow, "unknown": yellow},
}

// markOf is how to show a cell below a heading.
func markOf(heading, text string) style {
	if text == emptyCell {
		return ""
	}
	return cmp.Or(marks[heading][text], marks[heading][anyValue])
}

// colourful reports that a stream is a terminal that takes colours, and that nobody
// has asked for none (https://no-color.org).
func colourful(stream any) bool {
	term := os.Getenv("TERM")
	if runtime.GOOS == "windows" && term == "" && os.Getenv("WT_SESSION") == "" {
		return false // an old console would show the sequences themselves
	}
	return isTerminal(stream) && os.Getenv("NO_COLOR") == "" && term != "dumb"
}
