package childproc

import (
	"bytes"
	"io"
)

// PrefixWriter begins each line with a prefix. What it is given are whole lines.
type PrefixWriter struct {
	Out    io.Writer
	Prefix string
}

// Write prints the lines at once.
func (p *PrefixWriter) Write(lines []byte) (int, error) {
	var all bytes.Buffer
	for line := range bytes.Lines(lines) {
		all.WriteString(p.Prefix)
		all.Write(line)
	}
	_, err := p.Out.Write(all.Bytes())
	return len(lines), err
}
