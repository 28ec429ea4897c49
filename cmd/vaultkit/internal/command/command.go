// Package command is what the commands of vaultkit share. Each command is a package
// below it, with Options, a NewCommand that only parses, and a Run that does the work.
// No command imports another one.
package command

import (
	"time"

	"goblin/vaultkit/cmd/vaultkit/internal/completion"
	"goblin/vaultkit/cmd/vaultkit/internal/connection"
	"goblin/vaultkit/cmd/vaultkit/internal/render"
	"goblin/vaultkit/cmd/vaultkit/internal/terminal"
)

// Deps is what a command works with.
type Deps struct {
	IO       *terminal.IO
	Vault    *connection.Connection
	Print    *render.Printer
	Complete *completion.Completer
	Now      func() time.Time
}

// New returns the Deps of one run of the program.
func New(std terminal.Streams) Deps {
	io := terminal.New(std)
	vault := connection.New(io)
	return Deps{IO: io, Vault: vault, Print: render.New(io), Complete: completion.New(vault), Now: time.Now}
}
