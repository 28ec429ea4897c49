package faultproxy

// Idle waits until p has no running request and no connection.
func Idle(p *Proxy) { p.activity.waitIdle() }

// Held returns the number of requests that Wait would wait for.
func Held(p *Proxy) int {
	p.activity.mu.Lock()
	defer p.activity.mu.Unlock()
	return len(p.activity.held)
}
