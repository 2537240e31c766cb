package hosting

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// Read fills a host's configuration, into which its part of all hosts is embedded, from
// an environment, "NAME=value" each. It says of everything that can't be read which
// variable, which value, and the mend.
func Read[Config any](environ []string, cfg *Config, embedded *Environment) error {
	given := env.ToMap(environ)
	err := env.ParseWithOptions(cfg, env.Options{
		Environment: given,
		FuncMap: map[reflect.Type]env.ParserFunc{
			reflect.TypeFor[netip.Prefix](): func(s string) (any, error) { return netip.ParsePrefix(strings.TrimSpace(s)) },
		},
	})
	if err != nil {
		return explain(err, reflect.TypeFor[Config](), given)
	}
	embedded.complete(given)
	return nil
}

// explain names variables where the library names fields.
func explain(err error, config reflect.Type, given map[string]string) error {
	var all env.AggregateError
	if !errors.As(err, &all) {
		return err
	}
	var told []error
	for _, e := range all.Errors {
		var parse env.ParseError
		if !errors.As(e, &parse) {
			told = append(told, e)
			continue
		}
		field, _ := config.FieldByName(parse.Name)
		name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		told = append(told, fmt.Errorf("%s %q can't be read: write it as %s", name, given[name], form(parse.Type)))
	}
	return errors.Join(told...)
}

func form(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return "a duration, such as 10s"
	case reflect.TypeFor[[]netip.Prefix]():
		return "networks, such as 10.0.0.0/8,::1/128"
	case reflect.TypeFor[bool]():
		return "true or false"
	case reflect.TypeFor[float64]():
		return "a part, such as 0.1"
	}
	return "a whole number"
}
