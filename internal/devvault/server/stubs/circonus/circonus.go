// Package circonusgometrics stands in for the client of Circonus, a metrics service.
// This server sends metrics to nobody.
package circonusgometrics

import "goblin/stub"

const service = "Circonus"

// Config describes the service.
type Config struct {
	Interval     string
	CheckManager struct {
		API    struct{ TokenKey, TokenApp, URL string }
		Check  struct{ SubmissionURL, ID, ForceMetricActivation, InstanceID, SearchTag, DisplayName, Tags string }
		Broker struct{ ID, SelectTag string }
	}
}

// CirconusMetrics is never made.
type CirconusMetrics struct{}

// NewCirconusMetrics refuses to connect.
func NewCirconusMetrics(*Config) (*CirconusMetrics, error) { return nil, stub.Called(service) }

func (*CirconusMetrics) Start()                          { _ = stub.Called(service) }
func (*CirconusMetrics) Flush()                          { _ = stub.Called(service) }
func (*CirconusMetrics) SetGauge(string, any)            { _ = stub.Called(service) }
func (*CirconusMetrics) IncrementByValue(string, uint64) { _ = stub.Called(service) }
func (*CirconusMetrics) RecordValue(string, float64)     { _ = stub.Called(service) }
