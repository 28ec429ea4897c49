package supervise

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// groupRuns reports whether a process of the group runs. One that has ended does not
// count, even if nobody waits for it: in a container without an init, it stays forever.
func groupRuns(group int) bool {
	if syscall.Kill(-group, 0) == syscall.ESRCH {
		return false
	}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // fails nowhere
	found := false
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has disappeared
		}
		state, its := parseStat(text)
		if found = found || its == group; its == group && state != "Z" && state != "X" {
			return true
		}
	}
	return !found // /proc does not show it
}

// parseStat returns the state and the group of a process from the text of its
// /proc/PID/stat: "PID (NAME) STATE PARENT GROUP ...".
func parseStat(text []byte) (state string, group int) {
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 3 {
		return "", 0
	}
	group, _ = strconv.Atoi(string(fields[2]))
	return string(fields[0]), group
}
