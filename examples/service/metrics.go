package main

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"goblin/vaultkit/event"
)

// metrics are what the service counts.
type metrics struct {
	registry *prometheus.Registry
	events   *prometheus.CounterVec
	answers  *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vaultkit_events_total",
			Help: "Events of the vaultkit client. Raise an alarm for the kinds stale and dropped."}, []string{"kind", "failed"}),
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "service_answers_total",
			Help: "Calls of the provider's API, by result."}, []string{"result"}),
	}
	m.registry.MustRegister(m.events, m.answers)
	return m
}

// observe counts an event. vaultkit waits for it, so it must be quick.
func (m *metrics) observe(e event.Event) {
	failed := "no"
	if e.Err != nil {
		failed = "yes"
	}
	m.events.WithLabelValues(string(e.Kind), failed).Inc()
}

// alarm exports whether the client has a problem that a person should look at.
func (m *metrics) alarm(ok func() bool) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "vaultkit_ok",
		Help: "1 if the vaultkit client has no problem, else 0."}, func() float64 {
		if ok() {
			return 1
		}
		return 0
	}))
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
