package checks

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"time"
)

// maxSkew is the largest clock skew that causes no problems.
const maxSkew = 30 * time.Second

// clock compares the local clock with Vault's. Vault reports whole seconds.
func (x *exam) clock(context.Context) Finding {
	if x.health.response == nil || x.health.response.ServerTimeUTC == 0 {
		return skipped("the server does not report its time", noFix)
	}
	skew := x.health.skew.Round(time.Second)
	if skew.Abs() <= maxSkew {
		return okay(fmt.Sprintf("within %s of Vault's", max(skew.Abs(), time.Second)))
	}
	direction := "ahead of"
	if skew < 0 {
		direction = "behind"
	}
	return warning(fmt.Sprintf("this clock is %s %s Vault's; status, TLS certificates and JWTs depend on it: "+
		"synchronize it with NTP", skew.Abs(), direction), clockFix())
}

// clockFix shows whether the local clock is synchronized. It does not set the clock.
func clockFix() Fix {
	return ReadClock.fix(cmp.Or(map[string]string{"darwin": "sntp time.apple.com", "windows": "w32tm /query /status"}[runtime.GOOS], "timedatectl"))
}
