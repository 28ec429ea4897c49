package main

import (
	"strconv"
	"strings"
	"unicode"
)

// printable is a line with everything escaped that could steer a terminal or a pipeline's
// log: the name of a field or a server's text may be in it.
func printable(line string) string {
	var safe strings.Builder
	for _, r := range line {
		if unicode.IsPrint(r) {
			safe.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(r)
		safe.WriteString(quoted[1 : len(quoted)-1])
	}
	return safe.String()
}
