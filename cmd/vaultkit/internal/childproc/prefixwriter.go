package childproc

import (
	"bytes"
	"io"
)

// PrefixWriter writes a prefix before each line. It must be given whole lines.
type PrefixWriter struct {
	Out    io.Writer
	Prefix string
}

// Write writes the lines.
func (p *PrefixWriter) Write(lines []byte) (int, error) {
	var all bytes.Buffer
	for line := range bytes.Lines(lines) {
		all.WriteString(p.Prefix)
		all.Write(line)
	}
	_, err := p.Out.Write(all.Bytes())
	return len(lines), err
}
