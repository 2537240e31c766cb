package peers

import "banyan.dev/strangler/internal/bench/stand"

// reverseProxy is httputil.ReverseProxy in a process of this tool's binary; package
// stand has the settings of both kinds.
func reverseProxy(name, kind string, self []string) Contender {
	return Contender{
		Name: name, program: self[0], watchesInput: true,
		args: func(s Setting, _ string) []string {
			c := stand.Config{Kind: kind, Listen: []string{s.Address}, To: s.App[0], Keep: s.Keep}
			return append(self[1:len(self):len(self)], c.Arguments()...)
		},
	}
}

// Application is what all contenders stand in front of.
func Application(self []string) Contender {
	return Contender{
		Name: "application", program: self[0], watchesInput: true,
		args: func(s Setting, _ string) []string {
			listen := append(append([]string{}, s.App...), s.Next...)
			c := stand.Config{Kind: stand.Application, Listen: listen, Streams: s.Streams}
			return append(self[1:len(self):len(self)], c.Arguments()...)
		},
	}
}
