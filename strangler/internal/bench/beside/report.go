package beside

// Report is what was measured: the JSON document.
type Report struct {
	What        string   `json:"what"`
	Processors  int      `json:"processors"`
	Connections int      `json:"connections"`
	Rounds      int      `json:"rounds"`
	Seconds     float64  `json:"seconds_per_round"`
	Rate        int      `json:"paced_requests_per_second,omitempty"` // that all got, for Load.Paced
	Body        int      `json:"body_bytes"`
	LeftOut     []string `json:"left_out,omitempty"`
	Load        []Load   `json:"load"`
	Idle        []Idle   `json:"idle,omitempty"`
	Reloads     *Reloads `json:"reloads,omitempty"`
	Streams     []Stream `json:"streams,omitempty"`
	Goals       []Goal   `json:"goals,omitempty"`
}

// Load is what one contender reached under load.
type Load struct {
	Contender         string    `json:"contender"`
	Version           string    `json:"version,omitempty"`
	RequestsPerSecond float64   `json:"requests_per_second"` // the median of the rounds
	Rates             []float64 `json:"rates"`               // one per round
	P50               float64   `json:"p50_ms"`              // over all rounds
	P99               float64   `json:"p99_ms"`              // over all rounds
	P99s              []float64 `json:"p99s_ms"`             // one per round
	// CPU is the seconds of processor time that the contender's processes took for
	// 100,000 requests; 0 where the system doesn't tell.
	CPU      float64 `json:"cpu_seconds_per_100k"`
	Requests int64   `json:"requests"`
	// ToNginx and P99ToNginx are 0 where nginx is left out; ToGateway is where the
	// gateway is.
	ToNginx    float64 `json:"to_nginx,omitempty"`
	P99ToNginx float64 `json:"p99_to_nginx,omitempty"`
	ToGateway  float64 `json:"to_gateway,omitempty"`
	// Next is how many requests the application's second owner got for each that a
	// client made: of a canary its users', of a shadow the copies.
	Next float64 `json:"next_owner,omitempty"`
	// Paced is the same contender at the rate that all get.
	Paced *Paced `json:"paced,omitempty"`
}

// Paced is what clients saw at a fixed rate. At full load latencies say how long the
// queue is, and a chain that answers more has the shorter one; at the same rate they
// say how long a request takes.
type Paced struct {
	RequestsPerSecond float64   `json:"requests_per_second"` // answered; below the rate: it could not keep up
	P50               float64   `json:"p50_ms"`
	P99               float64   `json:"p99_ms"`
	P99s              []float64 `json:"p99s_ms"` // one per round
	P99ToNginx        float64   `json:"p99_to_nginx,omitempty"`
}

// Idle is what a contender's connections cost that are open and silent.
type Idle struct {
	Contender string `json:"contender"`
	// Connections were opened; Held of them answered once more afterwards.
	Connections int   `json:"connections"`
	Held        int   `json:"held"`
	Before      int64 `json:"resident_before"`
	After       int64 `json:"resident_after"`
	// Each is bytes a connection. Buffers of sockets are the kernel's and not in it.
	Each float64 `json:"bytes_each"`
	// Looks are the bytes a connection of all looks, of which this is the median.
	Looks []float64 `json:"bytes_each_of_looks"`
}

// Reloads is what clients saw while configurations were put in force.
type Reloads struct {
	Reloads  int     `json:"reloads"`
	Seconds  float64 `json:"seconds"`
	Requests int64   `json:"requests"`
	Failed   int64   `json:"failed"`
	First    string  `json:"first_failure,omitempty"`
	P99      float64 `json:"p99_ms"`
}

// Stream is one long body through the gateway.
type Stream struct {
	Way     string  `json:"way"` // down or up
	Bytes   int64   `json:"bytes"`
	Seconds float64 `json:"seconds"`
	Before  int64   `json:"resident_before"`
	Above   int64   `json:"peak_above"` // the most that was resident meanwhile, above before
}

// Goal is what the gateway is meant to reach, and what it did in this run.
type Goal struct {
	What string  `json:"what"`
	Want float64 `json:"want"`
	Most bool    `json:"at_most"` // else at least
	Got  float64 `json:"got"`
	Met  bool    `json:"met"`
	Aim  bool    `json:"aim,omitempty"` // hoped for, not promised
}
