package session

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
	"go.yaml.in/yaml/v3"
)

// Mode names where sessions live.
type Mode string

// The modes. Postgres is fixed for a process; the others follow one another in
// this order while it runs, and round again.
const (
	Memory   Mode = "memory"   // this process's memory
	Dual     Mode = "dual"     // both, on the way to Redis; what memory holds is copied
	Redis    Mode = "redis"    // Redis alone
	Back     Mode = "back"     // both, on the way back
	Load     Mode = "load"     // both; what Redis holds is taken into memory
	Postgres Mode = "postgres" // a table of the host's database
)

// after says which mode follows: the one edge of each that the protocol proves.
var after = map[Mode]Mode{Memory: Dual, Dual: Redis, Redis: Back, Back: Load, Load: Memory}

// UsesRedis tells whether sessions are in Redis, alone or also.
func (m Mode) UsesRedis() bool {
	return m == Dual || m == Redis || m == Back || m == Load
}

// both tells whether sessions are in memory and in Redis.
func (m Mode) both() bool { return m == Dual || m == Back || m == Load }

// shared tells whether one store serves all replicas, so that nobody has to be told.
func (m Mode) shared() bool { return m == Redis || m == Postgres }

// Settings is what can change while the process runs.
type Settings struct {
	// Revision rises with each change; it is reported, not compared.
	Revision int64
	// Mode is empty when the file names no store; the host then puts its default.
	Mode Mode
	// Generation is part of every key in Redis. Each way forward (memory to dual)
	// starts a fresh one, or a session that was signed out while sessions lived in
	// memory would rise again from the copy of the way before.
	Generation int
	// RedisURL is needed by the modes that use Redis and by UserCache.
	RedisURL string
	// Peers are the admin URLs of all replicas, this one included or not. A host
	// name that stands for several addresses (a headless Service) is several peers.
	Peers []string
	// UserCache keeps user records in Redis. It goes with the modes that use Redis
	// only: turn it on when every replica is in one, and off before they leave it. A
	// replica in the mode memory invalidates nothing.
	UserCache bool
}

// ParseSettings reads the settings file's YAML. Its error names the line, the
// field, the value and the mend. Unknown fields are refused, save those that the
// host names as its own and reads itself.
func ParseSettings(content []byte, hosts ...string) (Settings, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(content, &doc); err != nil {
		return Settings{}, fmt.Errorf("settings are no YAML: %w", err)
	}
	if len(doc.Content) == 0 {
		return Settings{}, errors.New("settings are empty: write at least revision and session.store")
	}
	p := &settingsParser{settings: Settings{Generation: 1}}
	read := map[string]func(*yaml.Node){
		"revision":   func(n *yaml.Node) { p.settings.Revision = p.integer(n, "revision", 0) },
		"redis":      p.redis,
		"session":    p.session,
		"user_cache": p.userCache,
	}
	for _, field := range hosts {
		read[field] = func(*yaml.Node) {}
	}
	p.fields(doc.Content[0], "", read)
	if p.err != nil {
		return Settings{}, p.err
	}
	if err := p.settings.check(); err != nil {
		return Settings{}, fmt.Errorf("line %d: %w", max(p.storeLine, 1), err)
	}
	return p.settings, nil
}

// check says what is wrong with the settings as a whole; ParseSettings and Apply
// both ask, because not all settings come from a file. New asks for sound only: a
// command that runs once may invalidate a record without a session store.
func (s Settings) check() error {
	if err := s.sound(); err != nil {
		return err
	}
	if s.UserCache && !s.Mode.UsesRedis() {
		return fmt.Errorf("user_cache \"redis\" does not go with session.store %q, where a changed record is told to nobody: "+
			"use \"off\", or turn it on once session.store is redis", s.Mode)
	}
	return nil
}

// sound says what is wrong with single fields, or missing for one.
func (s Settings) sound() error {
	if _, live := after[s.Mode]; !live && s.Mode != Postgres && s.Mode != "" {
		return fmt.Errorf("session.store %q is no store: use memory, dual, redis, back, load or postgres", s.Mode)
	}
	if s.Mode.UsesRedis() && s.RedisURL == "" {
		return fmt.Errorf("session.store %q needs redis.url, which is missing: add redis: {url: \"redis://host:6379/0\"}", s.Mode)
	}
	if s.UserCache && s.RedisURL == "" {
		return errors.New("user_cache \"redis\" needs redis.url, which is missing: add redis: {url: \"redis://host:6379/0\"}")
	}
	if s.RedisURL != "" {
		if _, err := redis.ParseURL(s.RedisURL); err != nil {
			return errBadRedisURL
		}
	}
	if s.Generation < 1 {
		return fmt.Errorf("session.generation %d is too small: use 1 or more, and a higher one for each way to Redis", s.Generation)
	}
	return nil
}

// errBadRedisURL does not wrap the parser's error, which quotes the address and
// with it the password.
var errBadRedisURL = errors.New("redis.url is no Redis address: write redis://[user:password@]host:port/database")

// settingsParser walks the YAML nodes, which know their lines; decoding into a
// struct would lose them. It keeps the first error.
type settingsParser struct {
	settings  Settings
	storeLine int
	err       error
}

func (p *settingsParser) fail(n *yaml.Node, format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("line %d: %w", n.Line, fmt.Errorf(format, args...))
	}
}

// fields hands each entry of a mapping to its reader.
func (p *settingsParser) fields(n *yaml.Node, path string, read map[string]func(*yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		p.fail(n, "%s is not a mapping: write fields below it", cmp.Or(strings.TrimSuffix(path, "."), "settings"))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		f, known := read[key.Value]
		switch {
		case !known:
			p.fail(key, "unknown field %q: use one of %s", path+key.Value, names(read))
		case seen[key.Value]:
			p.fail(key, "field %q stands twice: remove one", path+key.Value)
		default:
			seen[key.Value] = true
			f(value)
		}
	}
}

func (p *settingsParser) redis(n *yaml.Node) {
	p.fields(n, "redis.", map[string]func(*yaml.Node){"url": func(n *yaml.Node) {
		if n.Value == "" {
			return
		}
		if _, err := redis.ParseURL(n.Value); err != nil {
			p.fail(n, "%w", errBadRedisURL)
			return
		}
		p.settings.RedisURL = n.Value
	}})
}

func (p *settingsParser) session(n *yaml.Node) {
	p.fields(n, "session.", map[string]func(*yaml.Node){
		"store":      func(n *yaml.Node) { p.settings.Mode, p.storeLine = Mode(n.Value), n.Line },
		"generation": func(n *yaml.Node) { p.settings.Generation = int(p.integer(n, "session.generation", 1)) },
		"peers":      p.peers,
	})
}

func (p *settingsParser) peers(n *yaml.Node) {
	if n.Kind != yaml.SequenceNode {
		p.fail(n, "session.peers %q is no list: write [\"http://host:port\", ...]", n.Value)
		return
	}
	for _, peer := range n.Content {
		u, err := url.Parse(peer.Value)
		if err != nil || u.Host == "" || u.Scheme != "http" || strings.Trim(u.Path, "/") != "" {
			p.fail(peer, "session.peers: %q is no base URL of an admin port: write http://host:port", peer.Value)
			return
		}
		p.settings.Peers = append(p.settings.Peers, strings.TrimSuffix(peer.Value, "/"))
	}
}

func (p *settingsParser) userCache(n *yaml.Node) {
	switch n.Value {
	case "off", "false": // YAML 1.1 writers turn a bare off into false
	case "redis":
		p.settings.UserCache = true
	default:
		p.fail(n, "user_cache %q is unknown: use \"off\" or \"redis\"", n.Value)
	}
}

func (p *settingsParser) integer(n *yaml.Node, field string, least int64) int64 {
	v, err := strconv.ParseInt(n.Value, 10, 32)
	if field == "revision" {
		v, err = strconv.ParseInt(n.Value, 10, 64)
	}
	if err != nil || v < least {
		p.fail(n, "%s %q is no number it can have: use a whole number from %d up", field, n.Value, least)
	}
	return v
}

func names(read map[string]func(*yaml.Node)) string {
	all := make([]string, 0, len(read))
	for name := range read {
		all = append(all, name)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
