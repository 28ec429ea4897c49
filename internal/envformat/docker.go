package envformat

import (
	"bufio"
	"errors"
	"strings"
)

// docker writes a line of docker run --env-file, which takes the rest of the line as the value.
// Some versions of Docker remove quotes around a value (pkg/kvfile of docker/cli), so a quoted
// value is refused.
func docker(v Variable) (string, error) {
	line := v.Name + "=" + v.Value + "\n"
	switch {
	case strings.ContainsAny(v.Value, "\r\n"):
		return "", errors.New("has more than one line")
	case len(line) > bufio.MaxScanTokenSize:
		return "", errors.New("is longer than the 64 KiB that Docker accepts in a line")
	case len(v.Value) > 1 && strings.ContainsRune(`'"`, rune(v.Value[0])) && v.Value[0] == v.Value[len(v.Value)-1]:
		return "", errors.New("is in quotes, which some versions of Docker remove")
	}
	return line, nil
}
