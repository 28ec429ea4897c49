package token

// Quirk is a deliberate difference from Vault. Tests set one to check that the comparison with
// the real server finds it. The zero value is none.
type Quirk string

// The differences that can be planted.
const (
	ChildrenSurvive  Quirk = "the children of a revoked token live on"
	OrphansEnd       Quirk = "revoke-orphan revokes the children"
	UsesAreEndless   Quirk = "uses are not counted"
	MaximumIsIgnored Quirk = "a renewal goes beyond the explicit maximum"
	DefaultAlways    Quirk = "no_default_policy has no effect"
	MorePolicies     Quirk = "a child may have policies that its parent has not"
	SudoMakesRoot    Quirk = "a token with sudo may create a root token"
)

// Quirks returns every difference that can be planted.
func Quirks() []Quirk {
	return []Quirk{ChildrenSurvive, OrphansEnd, UsesAreEndless, MaximumIsIgnored, DefaultAlways, MorePolicies, SudoMakesRoot}
}
