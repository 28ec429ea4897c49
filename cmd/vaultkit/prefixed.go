package main

import (
	"bytes"
	"io"
)

// prefixed begins each line with whose it is. What it is given are whole lines.
type prefixed struct {
	out    io.Writer
	prefix string
}

// Write prints the lines at once.
func (p *prefixed) Write(lines []byte) (int, error) {
	var all bytes.Buffer
	for line := range bytes.Lines(lines) {
		all.WriteString(p.prefix)
		all.Write(line)
	}
	_, err := p.out.Write(all.Bytes())
	return len(lines), err
}
