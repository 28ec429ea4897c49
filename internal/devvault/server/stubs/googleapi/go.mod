module google.golang.org/api

go 1.26.0

require (
	golang.org/x/oauth2 v0.31.0
	goblin/stub v0.0.0
)
