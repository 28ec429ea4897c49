module github.com/ProtonMail/gopenpgp/v3

go 1.26.0

require goblin/stub v0.0.0
