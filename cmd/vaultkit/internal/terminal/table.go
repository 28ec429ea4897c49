package terminal

import (
	"io"
	"strings"
	"unicode/utf8"
)

// Table collects rows and prints them at Flush: on a terminal in columns below
// headings, elsewhere as tab-separated values for cut and awk. It escapes every cell.
type Table struct {
	out              io.Writer
	indent           string
	headings         []string
	rows             [][]string
	aligned, colored bool
	width            int            // of the terminal; 0: no limit
	shrinkable       map[string]int // headings of columns that may be cut to fit the width, and their least width
}

// NewTable returns a table; without headings it is a list of names and values.
func NewTable(out io.Writer, indent string, headings ...string) *Table {
	t := &Table{out: out, indent: indent, headings: headings}
	if stream, ok := out.(*Stream); ok {
		t.aligned, t.colored, t.width = stream.terminal, stream.colored, stream.width
	}
	return t
}

// NewAligned returns a table that is always printed in columns.
func NewAligned(out io.Writer, indent string, headings ...string) *Table {
	t := NewTable(out, indent, headings...)
	t.aligned = true
	return t
}

// Aligned reports whether the table is printed in columns.
func (t *Table) Aligned() bool { return t.aligned }

// Shrink sets the columns that may be cut to fit the terminal, and the width that each
// keeps.
func (t *Table) Shrink(least map[string]int) { t.shrinkable = least }

// Row adds a row.
func (t *Table) Row(cells ...string) {
	row := make([]string, len(cells))
	for i, text := range cells {
		row[i] = Cell(text)
	}
	t.rows = append(t.rows, row)
}

// Optional adds a row unless its value is empty.
func (t *Table) Optional(name, value string) {
	if value != "" {
		t.Row(name, value)
	}
}

// Flush prints the table.
func (t *Table) Flush() error {
	var text strings.Builder
	if t.aligned {
		t.align(&text)
	} else {
		for _, row := range t.rows {
			text.WriteString(strings.Join(row, "\t") + "\n")
		}
	}
	_, err := io.WriteString(t.out, text.String())
	return err
}

// align writes the rows in columns. Color sequences do not count as width.
func (t *Table) align(text *strings.Builder) {
	t.fit()
	widths := t.widths()
	t.line(text, widths, t.headings, func(int, string) Style { return Bold })
	for _, row := range t.rows {
		t.line(text, widths, row, func(column int, text string) Style {
			if column < len(t.headings) {
				return markOf(t.headings[column], text)
			}
			return ""
		})
	}
}

// fit cuts the columns of Shrink, the widest first, until a line fits the terminal.
func (t *Table) fit() {
	widths := t.widths()
	total := len(t.indent) + 2*(len(widths)-1)
	for _, width := range widths {
		total += width
	}
	for ; t.width > 0 && total > t.width; total-- {
		widest := -1
		for i, heading := range t.headings {
			least, can := t.shrinkable[heading]
			least = max(least, utf8.RuneCountInString(heading))
			if can && widths[i] > least && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		widths[widest]--
		for _, row := range t.rows {
			row[widest] = clipped(row[widest], widths[widest])
		}
	}
}

// clipped returns a text that fits a width.
func clipped(text string, width int) string {
	runes := []rune(text)
	if len(runes) <= width {
		return text
	}
	return string(runes[:width-1]) + "…"
}

func (t *Table) widths() (widths []int) {
	for _, row := range append([][]string{t.headings}, t.rows...) {
		for i, text := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
	}
	return widths
}

// line writes a row unless it is empty. The last cell is not padded.
func (t *Table) line(text *strings.Builder, widths []int, cells []string, styleOf func(column int, text string) Style) {
	for i, one := range cells {
		if i == 0 {
			text.WriteString(t.indent)
		} else {
			text.WriteString(strings.Repeat(" ", widths[i-1]-utf8.RuneCountInString(cells[i-1])+2))
		}
		if t.colored {
			one = styleOf(i, one).paint(one)
		}
		text.WriteString(one)
	}
	if len(cells) > 0 {
		text.WriteByte('\n')
	}
}
