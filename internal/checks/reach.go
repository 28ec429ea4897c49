package checks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hashicorp/vault/api"

	"goblin/vaultkit/internal/bodylimit"
	"goblin/vaultkit/internal/vaulterr"
)

// reach sends the first request. It checks only the connection; the next checks look at the
// response.
func (x *exam) reach(ctx context.Context) Finding {
	x.health = x.readHealth(ctx)
	whom := cmp.Or(x.socket(), x.url().Host, x.url().Path)
	proxy := x.proxy()
	if proxy != "" {
		whom += " through the proxy " + proxy
	}
	if x.health.err == nil || x.gotResponse() {
		return okay("connected to " + whom)
	}
	found := x.unreachable(whom)
	if proxy != "" {
		found.Fix = BypassProxy.fix(`export NO_PROXY="${NO_PROXY:+$NO_PROXY,}"` + quote(x.url().Hostname()))
	}
	return found
}

func (x *exam) unreachable(whom string) Finding {
	err := x.health.err
	unknown, isDNS := errors.AsType[*net.DNSError](err)
	switch {
	case x.socket() != "" && !x.health.connected:
		return x.noSocket(whom)
	case isDNS:
		return failed(err, fmt.Sprintf("%s: the name %q cannot be resolved: %s", whom, unknown.Name, unknown.Err), LookUpName.fix("nslookup "+quote(unknown.Name)))
	case errors.Is(err, syscall.ECONNREFUSED):
		return failed(err, "connection refused: nothing listens at "+whom+x.advise(), x.refusedFix())
	case errors.Is(err, context.DeadlineExceeded) && x.health.connected:
		return failed(err, fmt.Sprintf("%s accepts connections, but does not respond within %s", whom, x.Timeout), x.healthFix())
	case errors.Is(err, context.DeadlineExceeded):
		return failed(err, fmt.Sprintf("no connection to %s within %s: a firewall blocks it, or VAULT_ADDR is wrong", whom, x.Timeout), x.healthFix())
	}
	return failed(err, "", x.healthFix())
}

// noSocket describes why there is no connection to a unix socket.
func (x *exam) noSocket(path string) Finding {
	err := x.health.err
	why := errorText(err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		why = "there is no such file"
	case errors.Is(err, fs.ErrPermission):
		why = "this user may not use it"
	case errors.Is(err, syscall.ECONNREFUSED):
		why = "no program listens there"
	}
	return failed(err, fmt.Sprintf("no connection to the socket %s: %s: check VAULT_ADDR, and whether the Vault Agent or Proxy is running",
		vaulterr.Printable(path), why), ListSocket.fix("ls -l "+quote(path)))
}

// gotResponse reports whether a server answered, even if it is not Vault.
func (x *exam) gotResponse() bool {
	_, answered := errors.AsType[*api.ResponseError](x.health.err)
	return answered || vaulterr.TLSMismatch(x.health.err) || x.health.connected && !x.lostConnection()
}

// lostConnection reports whether the connection ended before the response.
func (x *exam) lostConnection() bool {
	var broken net.Error
	return errors.As(x.health.err, &broken) || errors.Is(x.health.err, context.DeadlineExceeded) || errors.Is(x.health.err, context.Canceled)
}

// readHealth reads the server's health. That needs no login and is the same in every namespace.
func (x *exam) readHealth(ctx context.Context) (k healthResult) {
	var connected atomic.Bool // the connection may be made after the request has ended
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		ConnectDone: func(_, _ string, err error) { connected.CompareAndSwap(false, err == nil) },
	})
	client := x.client.WithNamespace("").WithResponseCallbacks(func(answer *api.Response) { k.secure = answer.TLS })
	sent := time.Now()
	k.response, k.err = client.Sys().HealthWithContext(bodylimit.With(ctx, bodylimit.MaxFailure))
	k.err, k.connected = vaulterr.Sanitize(k.err), connected.Load()
	if k.err == nil {
		middle := sent.Add(time.Since(sent) / 2)
		k.skew = middle.Sub(time.Unix(k.response.ServerTimeUTC, int64(time.Second/2)))
	}
	return k
}

// proxy returns the proxy that HTTP_PROXY, HTTPS_PROXY and NO_PROXY choose, or "".
func (x *exam) proxy() string {
	if !x.ViaProxy {
		return ""
	}
	through, err := http.ProxyFromEnvironment(&http.Request{URL: x.url()})
	if err != nil || through == nil {
		return ""
	}
	return through.Host
}

// refusedFix starts a development server if the address may be one, and otherwise asks for the
// server's health.
func (x *exam) refusedFix() Fix {
	if x.mayBeDev() {
		return StartDev.fix("vaultkit dev --port " + x.url().Port())
	}
	return x.healthFix()
}

func (x *exam) advise() string {
	if x.mayBeDev() {
		return "; check VAULT_ADDR, or start a Vault for development there"
	}
	return ": check VAULT_ADDR, and whether Vault is running there"
}

// mayBeDev reports whether vaultkit dev can use the address.
func (x *exam) mayBeDev() bool { return x.local() && x.url().Scheme == "http" && x.url().Port() != "" }

func (x *exam) healthFix() Fix {
	if socket := x.socket(); socket != "" {
		return AskHealth.fix("curl -v --max-time 5 --unix-socket " + quote(socket) + " http://localhost/v1/sys/health")
	}
	return AskHealth.fix("curl -v --max-time 5 " + quote(x.url().JoinPath("v1/sys/health").String()))
}

// local reports whether the address is on this machine.
func (x *exam) local() bool {
	host := x.url().Hostname()
	address, err := netip.ParseAddr(host)
	return host == "localhost" || x.url().Scheme == "unix" || err == nil && address.IsLoopback()
}
