package faultproxy

// Idle waits until no request and no connection is under way in p.
func Idle(p *Proxy) { p.gauge.idle() }

// Held is how many requests Wait would wait for.
func Held(p *Proxy) int {
	p.gauge.mu.Lock()
	defer p.gauge.mu.Unlock()
	return len(p.gauge.held)
}
