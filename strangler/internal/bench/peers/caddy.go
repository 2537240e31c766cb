package peers

const caddyfile = `{
	admin off
	auto_https off
	grace_period 1s
	log {
		level ERROR
	}
	servers {
		protocols h1
	}
}
http://:{{.Port}} {
	bind 127.0.0.1
	reverse_proxy {{index .App 0}} {
		header_up X-Real-Ip {remote_host}
		header_up X-Request-Id {http.request.uuid}
		transport http {
			versions 1.1
			compression off
			dial_timeout 5s
			keepalive 10m
			keepalive_idle_conns {{.Keep}}
			keepalive_idle_conns_per_host {{.Keep}}
		}
	}
}
`

// caddy sets X-Forwarded-For, -Proto and -Host by itself.
func caddy(program string) Contender {
	return Contender{
		Name: Caddy, program: program, file: "Caddyfile", text: caddyfile,
		args: func(_ Setting, file string) []string {
			return []string{"run", "--config", file, "--adapter", "caddyfile"}
		},
		env: func(s Setting) []string {
			return []string{"HOME=" + s.Dir, "XDG_DATA_HOME=" + s.Dir, "XDG_CONFIG_HOME=" + s.Dir}
		},
		version: []string{"version"},
	}
}
