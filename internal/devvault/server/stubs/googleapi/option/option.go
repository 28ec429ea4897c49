// Package option stands in for options of Google's clients, which are stand-ins too.
package option

import "golang.org/x/oauth2"

// ClientOption is an option of a client that refuses to be made.
type ClientOption interface{}

// WithUserAgent does nothing: it is an option.
func WithUserAgent(string) ClientOption { return nil }

// WithTokenSource does nothing: it is an option.
func WithTokenSource(oauth2.TokenSource) ClientOption { return nil }
