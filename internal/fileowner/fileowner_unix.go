//go:build unix

package fileowner

import (
	"io/fs"
	"syscall"
)

// ID returns the user id of a file's owner, if it is known.
func ID(about fs.FileInfo) (id int, known bool) {
	stat, known := about.Sys().(*syscall.Stat_t)
	if !known {
		return 0, false
	}
	return int(stat.Uid), true
}
