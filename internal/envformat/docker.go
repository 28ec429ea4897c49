package envformat

import (
	"bufio"
	"errors"
	"strings"
)

// docker is for docker run --env-file, which takes the rest of a line as it stands.
// What differs between its versions (a pair of quotes around the value, which later
// ones take off; pkg/kvfile of docker/cli) is refused.
func docker(v Variable) (string, error) {
	line := v.Name + "=" + v.Value + "\n"
	switch {
	case strings.ContainsAny(v.Value, "\r\n"):
		return "", errors.New("has more than one line")
	case len(line) > bufio.MaxScanTokenSize:
		return "", errors.New("is longer than the 64 KiB that Docker reads of a line")
	case len(v.Value) > 1 && strings.ContainsRune(`'"`, rune(v.Value[0])) && v.Value[0] == v.Value[len(v.Value)-1]:
		return "", errors.New("is in quotes, which some versions of Docker take off")
	}
	return line, nil
}
