package checks

import (
	"context"

	"goblin/vaultkit/internal/vaulterr"
)

// server checks the response to the first request.
func (x *exam) server(context.Context) Finding {
	health, err := x.health.response, x.health.err
	unavailable := &vaulterr.Error{Kind: vaulterr.ErrUnavailable, Err: err}
	switch {
	case err != nil:
		return failed(unavailable, "the server is not a working Vault: "+errorText(unavailable), x.healthFix())
	case health.Version == "":
		return failed(unavailable, "the server is not Vault", x.healthFix())
	case !health.Initialized:
		return failed(unavailable, "Vault is not initialized: on a new server, an operator runs vault operator init", ReadServerStatus.fix("vault status"))
	case health.Sealed:
		return failed(&vaulterr.Error{Kind: vaulterr.ErrSealed}, "Vault is sealed", Unseal.fix(x.inRoot("vault operator unseal")))
	case health.ReplicationDRMode == "secondary":
		return failed(unavailable, "this is a disaster-recovery secondary, which serves no requests: use the address of the primary", addressFix())
	case health.PerformanceStandby:
		return okay("Vault " + health.Version + ", unsealed, a performance standby")
	case health.Standby:
		return okay("Vault " + health.Version + ", unsealed, a standby that hands requests to the active node")
	}
	return okay("Vault " + health.Version + ", unsealed, active")
}
