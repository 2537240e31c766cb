// Package storetest is the contract of the features' stores, as tests: every
// method, every problem it may return, paging while rows come and go, writers who
// meet, retries, effects across features. An implementation passes Run or is not
// one. There are two: tangle, and the features' own stores hung on each other
// (untangled).
//
// It lives in the monolith because it is about the stores together: a comment
// counts at its post, waits in the moderators' queue and notifies an author, and no
// feature may import another. Only tests import it.
package storetest
