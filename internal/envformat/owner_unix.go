//go:build unix

package envformat

import (
	"io/fs"
	"syscall"
)

// ownerOf is the user id of who owns a file, if that is known.
func ownerOf(about fs.FileInfo) (id int, known bool) {
	stat, known := about.Sys().(*syscall.Stat_t)
	if !known {
		return 0, false
	}
	return int(stat.Uid), true
}
