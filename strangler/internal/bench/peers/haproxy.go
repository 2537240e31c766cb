package peers

const haproxyCfg = `global
    nbthread {{.Processors}}
    maxconn {{.Connections}}
    no strict-limits
defaults
    mode http
    option http-keep-alive
    option forwardfor
    http-reuse always
    timeout connect 5s
    timeout client 10m
    timeout server 10m
    timeout http-keep-alive 10m
frontend bench
    bind {{.Address}} backlog 4096
    maxconn {{.Connections}}
    unique-id-format %[uuid()]
    unique-id-header X-Request-Id
    http-request set-header X-Real-Ip %[src]
    http-request set-header X-Forwarded-Proto http
    http-request set-header X-Forwarded-Host %[req.hdr(Host)]
    default_backend app
backend app
    server app-0 {{index .App 0}} pool-max-conn {{.Keep}}
`

// haproxy stays in the foreground with -db, as one process with a thread for each
// processor.
func haproxy(program string) Contender {
	return Contender{
		Name: HAProxy, program: program, file: "haproxy.cfg", text: haproxyCfg,
		args:    func(_ Setting, file string) []string { return []string{"-db", "-q", "-f", file} },
		version: []string{"-v"},
	}
}
