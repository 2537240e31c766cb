package peers

import "fmt"

// gatewayYAML has every policy configured. In the variant Gateway none has
// anything to do: limits that nobody reaches, a breaker that stays closed, a canary
// that nobody is in. Canary sends half of the users to another owner and keeps each
// at a replica; Shadow copies a tenth of the requests there and compares the answers.
const gatewayYAML = `revision: {{.Revision}}
clients:
  session_cookie: bench_session
  rate_limit: {requests: 1000000, per: 1s, burst: 1000000, by: address}
owners:
{{- range .Owners}}
  {{.Name}}:
    replicas:
{{- range .Replicas}}
      - {name: {{.Name}}, url: "http://{{.Address}}"}
{{- end}}
    health: {path: /livez}
{{- if .Affinity}}
    affinity: {cookie: {{.Affinity}}, session_cookie: bench_session}
{{- end}}
    timeout: 15s
    max_in_flight: {{$.InFlight}}
    retries: {budget: 20, min_per_second: 10, attempts: 3}
    breaker: {errors: 50, of: 20, within: 10s, open_for: 5s}
    outliers: {consecutive: 5, eject_for: 10s, max_ejected: 50}
{{- end}}
routes:
  - name: items-read
    match: {path: "/api/v1/items/{id}", methods: [GET, HEAD]}
    owner: app
    timeout: {{.Timeout}}
    max_body: 1MiB
    canary: {owner: next, percent: {{.Canary}}, by: user}
{{- if .Shadow}}
    shadow: {owner: next, percent: {{.Shadow}}, queue: 256, timeout: 2s, compare: {headers: [Content-Type], body: json}}
{{- end}}
    hold: {max_wait: 5s, max_requests: 1000}
    rate_limit: {requests: 1000000, per: 1s, burst: 1000000, by: user}
  - {match: {path: "/stream/*"}, owner: streams, timeout: 60s}
  - {match: {path: "/*"}, owner: app}
`

type gatewayView struct {
	Revision int
	Owners   []ownerView
	InFlight int
	Timeout  string
	Canary   int
	Shadow   int
}

type ownerView struct {
	Name     string
	Affinity string
	Replicas []replicaView
}

type replicaView struct{ Name, Address string }

// RenderGateway renders a variant's gateway.yaml. Every second revision has another
// timeout, another share of the canary and a replica more, so that a reload changes
// what requests under way depend on.
func RenderGateway(s Setting, variant string, revision int) (string, error) {
	view := gatewayView{Revision: revision, InFlight: 2 * max(s.Connections, 1024), Timeout: "3s"}
	app, next := owner("app", s.App[:1]), owner("next", s.Next[:1])
	switch variant {
	case Canary:
		view.Canary = 50
		app, next = owner("app", s.App), owner("next", s.Next)
		app.Affinity, next.Affinity = "bench_app", "bench_next"
	case Shadow:
		view.Shadow = 10
	}
	if revision%2 == 0 {
		view.Timeout, view.Canary = "4s", 50-view.Canary
		app.Replicas = owner("app", s.App).Replicas
	}
	view.Owners = []ownerView{app, next, owner("streams", []string{s.Streams})}
	return render(gatewayYAML, view)
}

func owner(name string, addresses []string) ownerView {
	o := ownerView{Name: name}
	for i, address := range addresses {
		o.Replicas = append(o.Replicas, replicaView{fmt.Sprintf("%s-%d", name, i), address})
	}
	return o
}

// gateway of a variant.
func gateway(variant, binary string) Contender {
	return Contender{
		Name: variant, program: binary, file: "gateway.yaml",
		render: func(s Setting) (string, error) { return RenderGateway(s, variant, 1) },
		check:  func(file string) []string { return []string{"validate", file} },
		env: func(s Setting) []string {
			return []string{
				"CONFIG_FILE=" + s.Dir + "/gateway.yaml", "LISTEN_ADDR=" + s.Address, "ADMIN_ADDR=" + s.Admin,
				"ADMIN_TOKEN=" + s.Token, "LOG_LEVEL=warn", "IDLE_TIMEOUT=10m", "DRAIN_NOTICE=0s", "DRAIN_TIMEOUT=2s",
			}
		},
	}
}
