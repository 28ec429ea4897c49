package checks

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/vaulterr"
)

// audit checks that Vault has an audit device. Without one, nothing shows who read a key.
func (x *exam) audit(ctx context.Context) Finding {
	var devices map[string]*api.Audit
	err := x.session.Do(ctx, func(ctx context.Context, c *api.Client) (err error) {
		devices, err = c.WithNamespace("").Sys().ListAuditWithContext(ctx)
		return err
	})
	switch {
	case errors.Is(vaulterr.Kind(err), vaulterr.ErrPermissionDenied):
		return skipped("the token may not look (read and sudo on sys/audit): ask an operator", ListAuditDevices.fix(x.inRoot("vault audit list")))
	case err != nil:
		return failed(err, "", x.healthFix())
	case len(devices) == 0:
		return warning("there is no audit device: Vault does not log who read or changed a key", EnableAudit.fix(x.inRoot("vault audit enable file file_path=stdout")))
	}
	if x.hidesHeader(ctx) {
		return warning(fmt.Sprintf("%d enabled, but Vault does not log the header X-Correlation-Id, by which refused requests are found", len(devices)),
			ShowHeader.fix(x.setup("--policy", x.firstRole())))
	}
	return okay(fmt.Sprintf("%d enabled", len(devices)))
}

// hidesHeader reports whether Vault is known not to log the header. It answers 400 then.
func (x *exam) hidesHeader(ctx context.Context) bool {
	err := x.session.Do(ctx, func(ctx context.Context, c *api.Client) error {
		_, err := c.WithNamespace("").Logical().ReadWithContext(ctx, "sys/config/auditing/request-headers/X-Correlation-Id")
		return err
	})
	answer, ok := errors.AsType[*api.ResponseError](err)
	return ok && answer.StatusCode == http.StatusBadRequest
}
