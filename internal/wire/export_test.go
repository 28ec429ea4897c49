package wire

// Idle waits until no request and no connection is under way in p.
func Idle(p *Proxy) { p.gauge.idle() }
