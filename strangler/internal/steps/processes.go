package steps

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Known are the names that ${...} may hold in an environment; the target fills them
// in. Beside them there are ${postgres.url:NAME}, a database of its own with a role of
// its own, and ${HOST.urls}, the public addresses of a host's replicas.
var Known = []string{"postgres.url", "redis.url", "kafka.address", "mail.address", "settings.file", "gateway.file", "entry.url", "identity.key"}

const (
	database  = "postgres.url:"
	addresses = ".urls"
)

// databaseName is such that it can stand in an address and a file without a quote.
var databaseName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)

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
	for _, later := range r.later {
		later(all)
	}
	if err := checkResources(all); err != nil && r.err == nil {
		r.err = fmt.Errorf("%s: %w", r.file, err)
	}
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
		"discard":  func(n *yaml.Node) { p.Discard = r.texts(n, "discard") },
		"resources": func(n *yaml.Node) {
			p.Resources = map[string]string{}
			r.pairs(n, "resources", func(key, value *yaml.Node) {
				p.Resources[key.Value] = r.oneOf(value, "resources."+key.Value, OwnsAtFirst, FollowsAtFirst)
			})
		},
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
		r.placeholder(n, name, m[1])
	}
	return v
}

// placeholder checks what stands in ${...}. A host may be named before it is described,
// so it is looked for when all are known.
func (r *reader) placeholder(n *yaml.Node, name, what string) {
	host, urls := strings.CutSuffix(what, addresses)
	db, isDatabase := strings.CutPrefix(what, database)
	switch {
	case slices.Contains(Known, what), isDatabase && databaseName.MatchString(db):
	case isDatabase:
		r.fail(n, "environment %s holds ${%s}: name a database by a small letter, then letters, digits and _", name, what)
	case urls:
		r.later = append(r.later, func(all map[string]Process) {
			if p, ok := all[host]; !ok || !p.Host() {
				r.fail(n, "environment %s holds ${%s}, but there is no host %q: use one of %s", name, what, host, strings.Join(sorted(all), ", "))
			}
		})
	default:
		r.fail(n, "environment %s holds ${%s}, which nobody fills in: use one of %s, %sNAME, HOST%s",
			name, what, strings.Join(Known, ", "), database, addresses)
	}
}

// Expand fills in what ${...} names. A name that value does not know stays empty.
func Expand(text string, value func(name string) string) string {
	return placeholder.ReplaceAllStringFunc(text, func(m string) string { return value(m[2 : len(m)-1]) })
}
