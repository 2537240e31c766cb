// Package traffic is the blog's public: simulated users who read, search, write, sign in and out, and who notice
// when something is wrong.
//
// It owns the load (who arrives when and does what), the way a client in the field behaves (deadlines, retries,
// idempotency keys), the measuring (latency from the intended start, so a stalled server cannot hide the requests
// it kept waiting), and reading everything back at the end. What was promised and what was found is compared
// by package ledger.
//
// The tool's commands (tour, load, verify) call it. It knows the blog only by its public contract over HTTP: it never
// looks into a database, a session store or a process, and it never starts or stops one.
package traffic
