package devvault

import (
	"errors"
	"os"
	"syscall"
)

// errSharingViolation is ERROR_SHARING_VIOLATION, which package syscall lacks.
const errSharingViolation = syscall.Errno(32)

// tryLock opens the file at path for exclusive use, without waiting. It returns a nil
// unlock if another process has it open. Windows closes the file when its holder ends.
func tryLock(path string) (unlock func(), err error) {
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, err
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, 0, nil,
		syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	if errors.Is(err, errSharingViolation) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return func() { _ = syscall.CloseHandle(h) }, nil
}

// terminate kills a process, because Windows cannot ask it to end.
func terminate(p *os.Process) error { return p.Kill() }

// terminateGroup kills a process. Its children end by themselves.
func terminateGroup(p *os.Process) error { return p.Kill() }

// childAttr keeps the terminal's Ctrl-C from the child, because this package stops it.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}
