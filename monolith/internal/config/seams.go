package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
)

// checkSeams refuses what is no seam, what a seam lacks, and combinations that no
// step names: 04 has EVENTS=off with COMMENTS=local, 05 and 06 outbox with local, 07
// outbox with owner.
func (c Config) checkSeams() error {
	checks := []error{
		known("STORES", c.Stores, Tangle, Features), known("EVENTS", c.Events, Off, Outbox), known("COMMENTS", c.Comments, Local, Owner),
		checkAddresses(c.KafkaAddrs), checkURLs(c.CommentsURLs), c.checkKey(),
	}
	if c.Events == Outbox {
		if c.Stores != Features {
			checks = append(checks, fmt.Errorf("EVENTS=outbox with STORES=%s can't be: only the features' own stores write events; set STORES=features", c.Stores))
		}
		if len(c.KafkaAddrs) == 0 {
			checks = append(checks, errors.New("EVENTS=outbox needs KAFKA_ADDRS: name host:port of at least one broker"))
		}
	}
	if c.Comments == Owner {
		checks = append(checks, c.checkOwner())
	}
	return errors.Join(checks...)
}

// checkOwner finds what asking whoever owns comments lacks.
func (c Config) checkOwner() error {
	var checks []error
	if c.Events != Outbox {
		checks = append(checks, fmt.Errorf("COMMENTS=owner with EVENTS=%s can't be: comments that the service owns come back as events; set EVENTS=outbox", c.Events))
	}
	if len(c.CommentsURLs) == 0 {
		checks = append(checks, errors.New("COMMENTS=owner needs COMMENTS_URLS: write http://host:port of the comments service"))
	}
	if c.IdentityKey == "" {
		checks = append(checks, errors.New("COMMENTS=owner needs IDENTITY_KEY, the same one as the comments service and the gateway have: make it with openssl rand -hex 32"))
	}
	return errors.Join(checks...)
}

func known[T ~string](name string, value T, allowed ...T) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%s %q is unknown: use %s or %s", name, value, allowed[0], allowed[1])
}

func checkAddresses(addrs []string) error {
	for _, addr := range addrs {
		if host, port, err := net.SplitHostPort(addr); err != nil || host == "" || port == "" {
			return fmt.Errorf("KAFKA_ADDRS %q is no list of brokers: write host:port,host:port", addr)
		}
	}
	return nil
}

func checkURLs(urls []string) error {
	for _, s := range urls {
		u, err := url.Parse(s)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Path != "" || u.RawQuery != "" || u.User != nil {
			return fmt.Errorf("COMMENTS_URLS %q is no address of a host: write http://comments:8080, several separated by commas", s)
		}
	}
	return nil
}

// checkKey looks at what is given; who needs it asks for it.
func (c Config) checkKey() error {
	if c.IdentityKey == "" {
		return nil
	}
	_, err := c.Keys()
	return err
}
