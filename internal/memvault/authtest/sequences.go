package authtest

import "goblin/vaultkit/internal/vaulttest"

// Sequences returns how many random sequences a test plays, in a normal run and with
// VAULTKIT_LONG=1.
func Sequences(normal, long int) int {
	if vaulttest.Long() {
		return long
	}
	return normal
}
