package devvault

import (
	"context"
	"fmt"
	"io"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain lets the test binary play the other processes that the tests need,
// chosen by its first argument.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "server":
			playBusyServer()
		case "hold-lock":
			playLockHolder(os.Args[2])
		case "start-server":
			playServerOwner()
		}
	}
	goleak.VerifyTestMain(m)
}

// playBusyServer is a server that never gets its port. It counts its runs in
// its working directory.
func playBusyServer() {
	f, err := os.OpenFile("runs", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, _ = f.WriteString("x")
	}
	fmt.Fprintln(os.Stderr, "listen tcp: bind: address already in use")
	os.Exit(3)
}

// playLockHolder takes a lock and keeps it until it is killed.
func playLockHolder(path string) {
	unlock, err := tryLock(path)
	if err != nil || unlock == nil {
		fmt.Println("not locked", err)
		os.Exit(1)
	}
	fmt.Println("locked")
	waitForParent()
}

// playServerOwner starts a server and never stops it.
func playServerOwner() {
	s, err := Start(context.Background(), Options{})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(s.Addr())
	waitForParent()
}

// waitForParent blocks until the test kills us, or is gone and its pipe closed.
func waitForParent() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}
