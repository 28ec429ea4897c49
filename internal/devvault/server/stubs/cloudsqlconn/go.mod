module cloud.google.com/go/cloudsqlconn

go 1.26.0

require goblin/stub v0.0.0
