// A stand-in for the API of a provider, for the examples and their tests.
module goblin/vaultkit/examples/provider

go 1.26.0
