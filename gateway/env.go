package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"banyan.dev/gateway/internal/dataplane"
	"banyan.dev/gateway/internal/policy"
	"banyan.dev/platform/identity"
)

// settings is the environment of the process.
type settings struct {
	Listen  string `env:"LISTEN_ADDR" envDefault:"127.0.0.1:8000"`
	Admin   string `env:"ADMIN_ADDR" envDefault:"127.0.0.1:8001"`
	Token   string `env:"ADMIN_TOKEN"`
	Config  string `env:"CONFIG_FILE" envDefault:"gateway.yaml"`
	Name    string `env:"NAME" envDefault:"gateway"`
	Level   string `env:"LOG_LEVEL" envDefault:"info"`
	Version string `env:"VERSION" envDefault:"dev"`

	// Traces is where spans go, such as http://traces:4318; empty is nowhere. Ratio is
	// the part of all traces that is kept.
	Traces string  `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`
	Ratio  float64 `env:"OTEL_TRACES_SAMPLER_ARG" envDefault:"1"`

	// CanaryKey signs the tokens by which testers choose an owner; without it none
	// counts.
	CanaryKey string `env:"CANARY_KEY"`

	// IdentityKey signs who asks, for the owners that are told; several are separated
	// by commas, and the first signs. Without it no configuration may ask.
	IdentityKey string `env:"IDENTITY_KEY"`

	// Proxies are the networks whose X-Forwarded-For is believed where the routes name
	// none themselves.
	Proxies []netip.Prefix `env:"TRUSTED_PROXIES"`

	// TLSListen is where TLS with HTTP/2 is served beside the plain port; empty is
	// nowhere.
	TLSListen string `env:"TLS_LISTEN_ADDR"`
	TLSCert   string `env:"TLS_CERT_FILE"`
	TLSKey    string `env:"TLS_KEY_FILE"`

	// Notice is how long the gateway still takes connections after /readyz went
	// false, so that balancers see it; Drain begins after it.
	Notice time.Duration `env:"DRAIN_NOTICE" envDefault:"1s"`
	Drain  time.Duration `env:"DRAIN_TIMEOUT" envDefault:"10s"`

	HeaderBytes int           `env:"MAX_HEADER_BYTES" envDefault:"16384"`
	HeadTime    time.Duration `env:"HEADER_TIMEOUT" envDefault:"10s"`
	BodyStall   time.Duration `env:"BODY_STALL_TIMEOUT" envDefault:"30s"`
	BodyRate    int           `env:"BODY_RATE" envDefault:"240"`
	WriteStall  time.Duration `env:"WRITE_STALL_TIMEOUT" envDefault:"60s"`
	Idle        time.Duration `env:"IDLE_TIMEOUT" envDefault:"75s"`
	Connections int           `env:"MAX_CONNECTIONS" envDefault:"65536"`
	Kept        int64         `env:"MAX_KEPT_BYTES" envDefault:"134217728"`
}

func readSettings() (settings, error) {
	var s settings
	if err := env.Parse(&s); err != nil {
		return s, named(err)
	}
	s.Version = cmp.Or(version, s.Version)
	return s, s.check()
}

// named tells the variable where the library tells the field.
func named(err error) error {
	var wrong env.ParseError
	if !errors.As(err, &wrong) {
		return fmt.Errorf("read the environment: %w", err)
	}
	field, ok := reflect.TypeFor[settings]().FieldByName(wrong.Name)
	if !ok {
		return fmt.Errorf("read the environment: %w", err)
	}
	variable := field.Tag.Get("env")
	return fmt.Errorf("%s %q is no %s: %w", variable, os.Getenv(variable), field.Type, wrong.Err)
}

func (s settings) check() error {
	for _, address := range []struct{ name, value string }{{"LISTEN_ADDR", s.Listen}, {"ADMIN_ADDR", s.Admin}} {
		if _, _, err := net.SplitHostPort(address.value); err != nil {
			return fmt.Errorf("%s %q is no address: write host:port, as in 127.0.0.1:8000", address.name, address.value)
		}
	}
	if err := s.checkTLS(); err != nil {
		return err
	}
	if s.Token == "" && !isLoopback(s.Admin) {
		return fmt.Errorf("ADMIN_ADDR %q can be reached from outside and ADMIN_TOKEN is empty: set a token, or bind 127.0.0.1", s.Admin)
	}
	if n := len(s.CanaryKey); n > 0 && n < policy.LeastOverrideKey {
		return fmt.Errorf("CANARY_KEY has %d bytes: %w", n, policy.ErrOverrideKey)
	}
	if s.IdentityKey != "" {
		if _, err := identity.NewKeys(s.IdentityKey); err != nil {
			return fmt.Errorf("IDENTITY_KEY: %w", err)
		}
	}
	if s.HeaderBytes < 1024 || s.HeaderBytes > 1<<20 {
		return fmt.Errorf("MAX_HEADER_BYTES %d is out of bounds: use 1024 to 1048576", s.HeaderBytes)
	}
	if s.BodyRate < 0 {
		return fmt.Errorf("BODY_RATE %d is out of bounds: use bytes a second, as in 240, or 0 for any rate", s.BodyRate)
	}
	if s.Connections < 1 {
		return fmt.Errorf("MAX_CONNECTIONS %d is out of bounds: use 1 or more", s.Connections)
	}
	if s.Kept < 0 {
		return fmt.Errorf("MAX_KEPT_BYTES %d is out of bounds: use bytes, as in 134217728, or 0 to keep no longer body", s.Kept)
	}
	if s.Notice < 0 {
		return fmt.Errorf("DRAIN_NOTICE %s is out of bounds: use 0s or more, as in 1s", s.Notice)
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"DRAIN_TIMEOUT", s.Drain}, {"HEADER_TIMEOUT", s.HeadTime}, {"BODY_STALL_TIMEOUT", s.BodyStall}, {"WRITE_STALL_TIMEOUT", s.WriteStall}, {"IDLE_TIMEOUT", s.Idle}} {
		if d.value <= 0 {
			return fmt.Errorf("%s %s is out of bounds: use a duration above 0, as in 10s", d.name, d.value)
		}
	}
	return nil
}

func (s settings) limits() dataplane.Limits {
	return dataplane.Limits{
		Header: s.HeaderBytes, HeadTime: s.HeadTime, BodyStall: s.BodyStall, BodyRate: s.BodyRate, BodyGrace: dataplane.DefaultLimits().BodyGrace,
		WriteStall: s.WriteStall, Idle: s.Idle, Connections: s.Connections, Kept: s.Kept,
	}
}

func (s settings) checkTLS() error {
	if s.TLSListen == "" {
		if s.TLSCert != "" || s.TLSKey != "" {
			return errors.New("TLS_CERT_FILE or TLS_KEY_FILE is set and TLS_LISTEN_ADDR is not: name a port, as in :8443, or unset them")
		}
		return nil
	}
	if _, _, err := net.SplitHostPort(s.TLSListen); err != nil {
		return fmt.Errorf("TLS_LISTEN_ADDR %q is no address: write host:port, as in :8443", s.TLSListen)
	}
	if s.TLSCert == "" || s.TLSKey == "" {
		return fmt.Errorf("TLS_LISTEN_ADDR is %q: name a PEM file in TLS_CERT_FILE and one in TLS_KEY_FILE", s.TLSListen)
	}
	return nil
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
