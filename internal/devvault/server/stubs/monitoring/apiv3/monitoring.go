// Package monitoring stands in for the client of Google's metrics. This server sends
// metrics to nobody.
package monitoring

import (
	"context"

	"google.golang.org/api/option"

	"goblin/stub"
)

// MetricClient is never made.
type MetricClient struct{}

// NewMetricClient refuses to connect.
func NewMetricClient(context.Context, ...option.ClientOption) (*MetricClient, error) {
	return nil, stub.Called("Google's metrics")
}
