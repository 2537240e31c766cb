package session

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	peerAttempt  = time.Second     // one call to one peer
	peerPatience = 5 * time.Second // all calls to all peers; below operationBound
	peerPause    = 50 * time.Millisecond
)

// peers speaks to the other replicas' admin ports. When is a peer done? When it
// has answered, or when it cannot hold a session in its memory: a refused
// connection means that no process is there, and a name that no longer stands for
// its address that the orchestrator took it away. Whoever is silent is asked again
// until patience ends; then the whole call fails.
type peers struct {
	token    string
	instance string // tells our own answer from the others'
	urls     atomic.Pointer[[]string]
	client   *http.Client
	resolve  func(ctx context.Context, host string) ([]string, error)
	attempt  time.Duration
	patience time.Duration
}

func newPeers(token, instance string) *peers {
	p := &peers{
		token: token, instance: instance, attempt: peerAttempt, patience: peerPatience,
		resolve: net.DefaultResolver.LookupHost,
		// No proxy from the environment: peers are in the same network, and what is
		// said to them is nobody else's business.
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute}},
	}
	p.set(nil)
	return p
}

func (p *peers) set(urls []string) { p.urls.Store(&urls) }

func (p *peers) close() { p.client.CloseIdleConnections() }

// ask posts the question to every peer at once and hands each answer's body to
// take, which is never called concurrently with itself for one peer but is for
// several. Without peers it does nothing.
func (p *peers) ask(ctx context.Context, path string, question any, take func(io.Reader) error) error {
	body, err := json.Marshal(question)
	if err != nil {
		return fmt.Errorf("encode question to peers: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, p.patience)
	defer cancel()
	var group errgroup.Group
	for _, base := range *p.urls.Load() {
		group.Go(func() error { return p.askAll(ctx, base, path, body, take) })
	}
	return group.Wait()
}

// askAll asks every address that one peer URL stands for.
func (p *peers) askAll(ctx context.Context, base, path string, body []byte, take func(io.Reader) error) error {
	u, err := url.Parse(base)
	if err != nil {
		return fmt.Errorf("peer %q: %w", base, err)
	}
	answered := map[string]bool{}
	for {
		addresses, last := p.lookUp(ctx, u.Hostname())
		for _, address := range addresses {
			if answered[address] {
				continue
			}
			if err := p.askOne(ctx, u, address, path, body, take); err != nil {
				last = fmt.Errorf("peer %s at %s: %w", base, address, err)
				continue
			}
			answered[address] = true
		}
		if last == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ErrUnreachable, last)
		case <-time.After(peerPause):
		}
	}
}

// lookUp returns the addresses of a host; none, without an error, when the name is
// no more.
func (p *peers) lookUp(ctx context.Context, host string) ([]string, error) {
	if net.ParseIP(host) != nil {
		return []string{host}, nil
	}
	addresses, err := p.resolve(ctx, host)
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return nil, nil
	}
	return addresses, err
}

func (p *peers) askOne(ctx context.Context, u *url.URL, address, path string, body []byte, take func(io.Reader) error) error {
	ctx, cancel := context.WithTimeout(ctx, p.attempt)
	defer cancel()
	target := *u
	target.Host = address
	if port := u.Port(); port != "" {
		target.Host = net.JoinHostPort(address, port)
	}
	target.Path = path
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Host = u.Host
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+p.token)
	request.Header.Set(instanceHeader, p.instance)
	answer, err := p.client.Do(request)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil // nobody there: no memory, no session in it
	}
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
		return take(answer.Body)
	case http.StatusNoContent: // done, or ourselves
		return nil
	case http.StatusUnauthorized:
		return errors.New("it refuses our ADMIN_TOKEN: all replicas need the same")
	default:
		return fmt.Errorf("it answers %s", answer.Status)
	}
}
