// Mutation changes one place of the library at a time and runs the tests. One of them must fail:
// otherwise no test checks what that place does.
//
// testdata/mutants.txt lists such mutants. A draw with a fixed seed, from the syntax tree of that day,
// chose them. A line is a place, what is done to it, the code before and after, and the result:
//
//	killed by <test>         the test fails with the mutant
//	equivalent: <reason>     no test can see the difference
//	outdated: <reason>       the code was rewritten since
//
// Run it from the root of the repository:
//
//	go run ./internal/mutation draw >list                                      # draw a new list
//	go run ./internal/mutation run <list                                       # run the lines without a result
//	go run ./internal/mutation run -run=TestAbort ./internal/rotation <list    # with these tests alone
//
// A mutant is built with go test -overlay, so the working tree does not change. The tests of its own
// package run first, then those of the packages that use it, until one fails, and fails again. If none
// does, the mutant survived: write a test, or the reason.
package main
