module github.com/circonus-labs/circonus-gometrics

go 1.26.0

require goblin/stub v0.0.0
