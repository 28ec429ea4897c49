package envformat

import "io/fs"

// ownerOf is not known: Windows has access lists in the place of owners.
func ownerOf(fs.FileInfo) (id int, known bool) { return 0, false }
