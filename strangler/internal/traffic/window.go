package traffic

import "time"

// Window is what was measured between Begin and End. A request belongs to the window in which its user began it.
type Window struct {
	Name             string               `json:"name"`
	Requests         int                  `json:"requests"`           // settled or failed; a retry is not a request of its own
	Failed           int                  `json:"failed"`             // not settled in time, 5xx, or an answer against the contract
	Retries          int                  `json:"retries"`            // attempts beyond the first
	SignedOut        int                  `json:"signed_out"`         // sessions that ended without their users' doing, unexpected
	ExpectedSignOuts int                  `json:"expected_sign_outs"` // the same, while ExpectSignOuts said so
	Acknowledged     int                  `json:"acknowledged"`       // writes answered with success
	P50              time.Duration        `json:"p50"`
	P99              time.Duration        `json:"p99"`
	Max              time.Duration        `json:"max"`
	Seconds          float64              `json:"seconds"`
	Failures         []string             `json:"failures,omitempty"` // the first few, in words
	ByOperation      map[string]Operation `json:"by_operation"`
}

// Operation is the share of one kind of request in a Window.
type Operation struct {
	Requests int           `json:"requests"`
	Failed   int           `json:"failed"`
	P50      time.Duration `json:"p50"`
	P99      time.Duration `json:"p99"`
}
