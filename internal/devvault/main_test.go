package devvault

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets the test binary act as the other processes that the tests need. Its first
// argument chooses the role.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "server":
			runBusyServer()
		case "hold-lock":
			runLockHolder(os.Args[2])
		case "start-server":
			runServerOwner()
		}
	}
	goleak.VerifyTestMain(m)
}

// runBusyServer is a server that never gets its port. It counts its runs in its working
// directory.
func runBusyServer() {
	f, err := os.OpenFile("runs", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, _ = f.WriteString("x")
	}
	fmt.Fprintln(os.Stderr, "listen tcp: bind: address already in use")
	os.Exit(3)
}

// runLockHolder takes a lock and holds it until it is killed.
func runLockHolder(path string) {
	unlock, err := tryLock(path)
	if err != nil || unlock == nil {
		fmt.Println("not locked", err)
		os.Exit(1)
	}
	fmt.Println("locked")
	waitForParent()
}

// runServerOwner starts a server and never stops it.
func runServerOwner() {
	s, err := Start(context.Background(), Options{})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(s.Addr())
	waitForParent()
}

// waitForParent waits until the test kills this process, or ends and so closes the pipe.
func waitForParent() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}
