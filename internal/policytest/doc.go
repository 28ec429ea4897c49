// Package policytest has no code but its tests. They hold the policies of vaultkit.Policy
// to what the roles need, and to no more, on a real Vault.
package policytest
