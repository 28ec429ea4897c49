// Package docs contains only tests. They check the documentation, README.md and
// the pages it leads to: links and anchors resolve, Go blocks compile, shell blocks run
// on a real Vault, the tests that a page names exist, and README.md stays short.
package docs
