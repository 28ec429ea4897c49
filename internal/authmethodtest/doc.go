// Package authmethodtest contains only tests. They log in with the official packages for the
// auth methods userpass and aws, through vaultkit.WithAuthMethod.
//
// userpass is Vault's own, on a real server. aws is Vault's only on the client's side: a stand-in
// of Vault's AWS auth method, in front of the real server, sends the request that the package has
// signed to a stand-in of STS, which checks the signature.
package authmethodtest
