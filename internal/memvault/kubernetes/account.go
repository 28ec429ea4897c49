// Package kubernetes is the Kubernetes auth method of the in-process Vault. A table says
// which service account a JWT belongs to, in place of the TokenReview API of a cluster.
package kubernetes

import (
	"slices"
	"sync"
)

// Account is a service account.
type Account struct {
	Namespace string
	Name      string
	UID       string
	Audiences []string // for which the cluster issued the JWT; none: those of the JWT itself
}

// Accounts is the table of the JWTs that the cluster accepts. Its methods are safe for
// concurrent use.
type Accounts struct {
	mutex sync.Mutex
	byJWT map[string]Account
}

// Set accepts a JWT, as that of an account.
func (a *Accounts) Set(jwt string, account Account) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.byJWT == nil {
		a.byJWT = map[string]Account{}
	}
	a.byJWT[jwt] = account
}

// Remove no longer accepts a JWT.
func (a *Accounts) Remove(jwt string) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	delete(a.byJWT, jwt)
}

// review reports whether the cluster accepts the JWT for an audience, as that of the
// account which its claims name.
func (a *Accounts) review(jwt string, claimed Account, audiences []string) bool {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	known, ok := a.byJWT[jwt]
	if !ok || known.Namespace != claimed.Namespace || known.Name != claimed.Name || known.UID != claimed.UID {
		return false
	}
	issued := known.Audiences
	if len(issued) == 0 {
		issued = claimed.Audiences
	}
	return len(audiences) == 0 || slices.ContainsFunc(audiences, func(one string) bool { return slices.Contains(issued, one) })
}
