package store

import (
	"io/fs"
	"syscall"
)

// ownerOf is who a file belongs to.
func ownerOf(info fs.FileInfo) (uid, gid int) {
	stat := info.Sys().(*syscall.Stat_t)
	return int(stat.Uid), int(stat.Gid)
}
