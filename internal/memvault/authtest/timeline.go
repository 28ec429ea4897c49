package authtest

import (
	"fmt"
	"strings"
	"time"
)

// Timed is a call at a time after the start of a timeline.
type Timed struct {
	At   time.Duration
	Note string // what it belongs to
	Call
}

// Timeline sends the calls, which are in the order of time, to the server in the process,
// whose clock it moves forward, and then to the real server, for which it waits. It
// compares the answers.
func (w *World) Timeline(calls []Timed) {
	w.Helper()
	ours := w.pass(0, calls, w.Server.Advance)
	theirs := w.pass(1, calls, w.wait)
	for i, c := range calls {
		if text := w.names.Difference(ours[i], theirs[i]); text != "" {
			w.Errorf("%s, after %v, %s: %s %s %v: %s", c.Note, c.At, c.Token, c.Method, c.Path, c.Body, text)
		}
		w.count(c.Call, theirs[i])
	}
}

// pass sends the calls to one server.
func (w *World) pass(server int, calls []Timed, advance func(time.Duration)) []Answer {
	w.Helper()
	send := []serverFunc{w.ours, w.theirs}[server]
	var answers []Answer
	var now time.Duration
	for _, c := range calls {
		if c.At > now {
			advance(c.At - now)
			now = c.At
		}
		answer := send(w, w.fill(c.Call, server))
		w.learnFrom(server, answer, w.seen[server])
		answers = append(answers, answer)
	}
	return answers
}

func (w *World) wait(d time.Duration) {
	w.Helper()
	select {
	case <-time.After(d):
	case <-w.Context().Done():
		w.Fatal(w.Context().Err())
	}
}

// learnFrom names the values that one server's answer shows for the first time.
func (w *World) learnFrom(server int, answer Answer, seen map[string]int) {
	for _, s := range shown {
		value := answer.Text(s.object, s.key)
		if value == "" || w.known[server][value] {
			continue
		}
		n := seen[s.kind]
		seen[s.kind]++
		w.setValue(fmt.Sprint(s.kind, " ", n), server, value)
		if s.companion != "" {
			w.setValue(fmt.Sprint(s.companion, " ", n), server, answer.Text(s.object, s.companionKey))
		}
	}
}

func (w *World) setValue(name string, server int, value string) {
	both := w.values[name]
	both[server] = value
	w.known[server][value] = true
	w.values[name] = both
	w.names.Add(name, value)
}

// Rename puts the name of a numbered value in the place of {new}, and that of what came
// with it in the place of {new accessor}.
func (c Call) Rename(kind string, number int) Call {
	name := strings.NewReplacer("{new}", fmt.Sprint(kind, " ", number), "{new accessor}", fmt.Sprint("accessor ", number))
	c.Token = name.Replace(c.Token)
	if body, ok := c.Body.(map[string]any); ok {
		renamed := map[string]any{}
		for key, value := range body {
			if old, ok := value.(Ref); ok {
				value = Ref(name.Replace(string(old)))
			}
			renamed[key] = value
		}
		c.Body = renamed
	}
	return c
}
