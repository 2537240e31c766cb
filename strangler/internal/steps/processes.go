package steps

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Known are the names that ${...} may hold in an environment; the target fills
// them in.
var Known = []string{"postgres.url", "redis.url", "kafka.address", "mail.address", "settings.file", "gateway.file"}

var placeholder = regexp.MustCompile(`\$\{([^}]*)\}`)

func (r *reader) processes(content []byte) map[string]Process {
	all := map[string]Process{}
	var doc yaml.Node
	if err := yaml.Unmarshal(content, &doc); err != nil || len(doc.Content) == 0 {
		r.document(content, nil) // says what is wrong
		return all
	}
	r.pairs(doc.Content[0], "the file", func(key, value *yaml.Node) {
		if _, twice := all[key.Value]; twice {
			r.fail(key, "process %q stands twice: remove one", key.Value)
		}
		all[key.Value] = r.process(key, value)
	})
	return all
}

func (r *reader) process(key, n *yaml.Node) Process {
	p := Process{Name: key.Value, Environment: map[string]string{}}
	r.fields(n, "process "+key.Value, map[string]func(*yaml.Node){
		"infrastructure": func(n *yaml.Node) {
			p.Infrastructure = r.oneOf(n, "infrastructure", "postgres", "redis", "kafka", "mail")
		},
		"package":  func(n *yaml.Node) { p.Package = r.text(n, "package") },
		"migrate":  func(n *yaml.Node) { p.Migrate = r.texts(n, "migrate") },
		"seed":     func(n *yaml.Node) { p.Seed = r.texts(n, "seed") },
		"role":     func(n *yaml.Node) { p.Role = r.texts(n, "role") },
		"validate": func(n *yaml.Node) { p.Validate = r.texts(n, "validate") },
		"environment": func(n *yaml.Node) {
			r.pairs(n, "environment", func(key, value *yaml.Node) {
				p.Environment[key.Value] = r.environmentValue(value, key.Value)
			})
		},
	})
	if (p.Infrastructure == "") == (p.Package == "") {
		r.fail(key, "process %q needs either infrastructure or package: write one of them", key.Value)
	}
	if p.Package != "" && !strings.HasPrefix(p.Package, "./") {
		r.fail(key, "package of process %q is %q: write it from the repository's root, such as ./monolith", key.Value, p.Package)
	}
	return p
}

func (r *reader) environmentValue(n *yaml.Node, name string) string {
	v := r.text(n, name)
	for _, m := range placeholder.FindAllStringSubmatch(v, -1) {
		if !slices.Contains(Known, m[1]) {
			r.fail(n, "environment %s holds ${%s}, which nobody fills in: use one of %s", name, m[1], strings.Join(Known, ", "))
		}
	}
	return v
}

// Expand fills in what ${...} names. A name that value does not know stays empty.
func Expand(text string, value func(name string) string) string {
	return placeholder.ReplaceAllStringFunc(text, func(m string) string { return value(m[2 : len(m)-1]) })
}
