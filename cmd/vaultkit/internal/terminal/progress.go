package terminal

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

// Progress shows a progress bar without colors on a terminal until done is called.
// Elsewhere, and for a total below 2, it shows nothing.
func (t *IO) Progress(what string, total int) (step, done func()) {
	if !t.Watched() || total < 2 {
		return func() {}, func() {}
	}
	bar := progressbar.NewOptions(total, progressbar.OptionSetWriter(t.person), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionSetWidth(30), progressbar.OptionThrottle(50*time.Millisecond))
	draw := func(change func()) {
		t.display.mu.Lock()
		defer t.display.mu.Unlock()
		change()
	}
	draw(func() {
		t.display.bar = bar
		_ = bar.RenderBlank()
	})
	step = func() { draw(func() { _ = bar.Add(1) }) }
	done = func() {
		draw(func() {
			t.display.bar = nil
			_ = bar.Clear()
		})
	}
	return step, done
}
