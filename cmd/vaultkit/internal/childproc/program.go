package childproc

import (
	"context"
	"fmt"
	"regexp"
	"runtime"
	"strings"
)

// plainProgram matches a line whose first word is the name of a program, and nothing that the shell
// expands, assigns or defines.
var plainProgram = regexp.MustCompile(`^\s*([A-Za-z0-9_./][A-Za-z0-9_./+-]*)(?:\s*$|\s*[;&|]|\s+[^\s(])`)

// CheckProgram returns an error that names the program at the beginning of a line, if the shell
// would not find it or could not run it. It does not check what only the shell can tell: a name in
// quotes or with a variable, and programs later in the line. On Windows it checks nothing.
func CheckProgram(ctx context.Context, flag, line string) error {
	match := plainProgram.FindStringSubmatch(line)
	if match == nil || runtime.GOOS == "windows" {
		return nil
	}
	program := match[1]
	_, err := Find(program)
	if err == nil || !strings.Contains(program, "/") && shellKnows(ctx, program) {
		return nil
	}
	return fmt.Errorf("--%s: %s: %w", flag, program, err)
}

// shellKnows reports whether a name is a keyword or a command of the shell itself.
func shellKnows(ctx context.Context, name string) bool {
	return shell(ctx, "command -v "+name).Run() == nil
}
