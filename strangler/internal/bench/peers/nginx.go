package peers

// nginx as its manual and experience tune a proxy: a worker for each processor
// with a socket of its own (reuseport), HTTP/1.1 and kept connections behind it, no
// access log. All paths are in the folder, so that it runs as anybody.
const nginxConf = `{{with .User}}user {{.}};
{{end}}daemon off;
worker_processes auto;
worker_rlimit_nofile {{.Files}};
pid {{.Dir}}/nginx.pid;
error_log stderr error;
events {
    worker_connections {{.Files}};
}
http {
    access_log off;
    server_tokens off;
    tcp_nodelay on;
    keepalive_timeout 10m;
    keepalive_requests 1000000000;
    client_body_temp_path {{.Dir}}/body;
    proxy_temp_path {{.Dir}}/proxy;
    fastcgi_temp_path {{.Dir}}/fastcgi;
    uwsgi_temp_path {{.Dir}}/uwsgi;
    scgi_temp_path {{.Dir}}/scgi;
    upstream app {
        server {{index .App 0}};
        keepalive {{.Keep}};
        keepalive_requests 1000000000;
        keepalive_timeout 10m;
    }
    server {
        listen {{.Address}} reuseport backlog=4096;
        location / {
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Real-Ip $remote_addr;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_set_header X-Request-Id $request_id;
        }
    }
}
`

func nginx(program string) Contender {
	return Contender{
		Name: Nginx, program: program, file: "nginx.conf", text: nginxConf,
		args:    func(s Setting, file string) []string { return []string{"-p", s.Dir, "-c", file, "-e", "stderr"} },
		version: []string{"-v"},
	}
}
