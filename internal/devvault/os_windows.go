package devvault

import (
	"errors"
	"os"
	"syscall"
)

// errSharingViolation is ERROR_SHARING_VIOLATION, which package syscall lacks.
const errSharingViolation = syscall.Errno(32)

// tryLock takes the lock file at path, without waiting, by opening it shared
// with nobody. It returns a nil unlock if another process has it open. The
// system closes the file when its holder dies.
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

// terminate ends a process: there is no way to ask it.
func terminate(p *os.Process) error { return p.Kill() }

// terminateGroup ends a process; what it has started ends by itself.
func terminateGroup(p *os.Process) error { return p.Kill() }

// childAttr keeps the terminal's Ctrl-C from the child: we stop it ourselves.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}
