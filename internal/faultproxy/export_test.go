package faultproxy

// Idle waits until no request and no connection is under way in p.
func Idle(p *Proxy) { p.activity.waitIdle() }

// Held is how many requests Wait would wait for.
func Held(p *Proxy) int {
	p.activity.mu.Lock()
	defer p.activity.mu.Unlock()
	return len(p.activity.held)
}
