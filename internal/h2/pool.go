package h2

import "sync"

// maxIdle bounds the goroutines that wait for a call.
const maxIdle = 512

// pool keeps the goroutines of handlers that have ended for the calls to come.
type pool struct {
	mu     sync.Mutex
	idle   []chan *stream
	closed bool
}

// run serves the stream on a goroutine that waits, or on a new one.
func (p *pool) run(s *stream) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		next := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		next <- s
		return
	}
	p.mu.Unlock()
	go p.work(s)
}

func (p *pool) work(s *stream) {
	next := make(chan *stream, 1)
	for s != nil {
		s.handle()
		if !p.wait(next) {
			return
		}
		s = <-next
	}
}

func (p *pool) wait(next chan *stream) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.idle) == maxIdle {
		return false
	}
	p.idle = append(p.idle, next)
	return true
}

// close ends the goroutines that wait.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, next := range p.idle {
		close(next)
	}
	p.idle = nil
}
