module github.com/hashicorp/go-discover

go 1.26.0

require goblin/stub v0.0.0
