// Package probe is the few people that a demo needs: they sign in and ask who they
// are, and it is noted who was still known and who answered. The tour uses it to
// show what a step is for, where the answer may be that people are signed out.
//
// It is no load and keeps no ledger: that is package traffic.
package probe

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// deadline is how long one question may take to settle, tries included.
const deadline = 10 * time.Second

// People are signed in together and asked together. Not safe for concurrent use.
type People struct {
	base      string
	transport *http.Transport
	all       []*person
}

type person struct {
	client *http.Client
	home   string // who answered last while the session was known
	known  bool
	asked  int
	lost   int // answers that said: nobody is signed in
}

// New meets nobody yet; base is the blog's address. Close it.
func New(base string) *People {
	return &People{base: base, transport: &http.Transport{MaxIdleConnsPerHost: 32}}
}

// Close lets the connections go.
func (p *People) Close() { p.transport.CloseIdleConnections() }

// SignIn lets n more people make an account, which signs them in.
func (p *People) SignIn(ctx context.Context, n int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4) // hashing a password is work by intent
	fresh := make([]*person, n)
	for i := range fresh {
		jar, err := cookiejar.New(nil)
		if err != nil {
			return fmt.Errorf("make a cookie jar: %w", err)
		}
		fresh[i] = &person{known: true, client: &http.Client{Jar: jar, Transport: p.transport, Timeout: deadline}}
		group.Go(func() error { return p.signUp(ctx, fresh[i]) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	p.all = append(p.all, fresh...)
	return nil
}

func (p *People) signUp(ctx context.Context, who *person) error {
	name := "probe-" + strings.ToLower(rand.Text()[:10])
	body, err := json.Marshal(map[string]string{"name": name, "email": name + "@banyan.example", "password": rand.Text()})
	if err != nil {
		return fmt.Errorf("sign up: %w", err)
	}
	status, servedBy, err := p.settle(ctx, who, http.MethodPost, "/api/v1/accounts", body, name)
	if err != nil {
		return err
	}
	if status != http.StatusCreated {
		return fmt.Errorf("sign up %s at %s: status %d where 201 was expected", name, p.base, status)
	}
	who.home = servedBy
	return nil
}

// Ask lets everybody ask so many times, one after another, who they are.
func (p *People) Ask(ctx context.Context, times int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for _, who := range p.all {
		group.Go(func() error {
			who.asked, who.lost = 0, 0
			for range times {
				if err := p.ask(ctx, who); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func (p *People) ask(ctx context.Context, who *person) error {
	status, servedBy, err := p.settle(ctx, who, http.MethodGet, "/api/v1/accounts/me", nil, "")
	if err != nil {
		return err
	}
	who.asked++
	switch status {
	case http.StatusOK:
		who.known, who.home = true, servedBy
	case http.StatusUnauthorized:
		who.known = false
		who.lost++
	default:
		return fmt.Errorf("GET %s/api/v1/accounts/me: status %d where 200 or 401 was expected", p.base, status)
	}
	return nil
}

// settle tries again what a client in the field would: a refused connection, 502
// to 504.
func (p *People) settle(ctx context.Context, who *person, method, path string, body []byte, key string) (int, string, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	for {
		status, servedBy, err := p.once(ctx, who, method, path, body, key)
		again := err != nil || (status >= http.StatusBadGateway && status <= http.StatusGatewayTimeout)
		if !again {
			return status, servedBy, nil
		}
		select {
		case <-ctx.Done():
			if err == nil {
				err = fmt.Errorf("status %d", status)
			}
			return 0, "", fmt.Errorf("%s %s%s: not settled within %s: %w", method, p.base, path, deadline, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (p *People) once(ctx context.Context, who *person, method, path string, body []byte, key string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, method, p.base+path, bytes.NewReader(body))
	if err != nil {
		return 0, "", fmt.Errorf("make the request: %w", err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	res, err := who.client.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return 0, "", err
	}
	return res.StatusCode, res.Header.Get("X-Served-By"), nil
}

// Count is everybody.
func (p *People) Count() int { return len(p.all) }

// Out is who was not known at the last question.
func (p *People) Out() int {
	n := 0
	for _, who := range p.all {
		if !who.known {
			n++
		}
	}
	return n
}

// Lost is how many of the last questions were answered: nobody is signed in; and
// how many were asked.
func (p *People) Lost() (lost, asked int) {
	for _, who := range p.all {
		lost, asked = lost+who.lost, asked+who.asked
	}
	return lost, asked
}

// NeverLost is who was known at every one of the last questions.
func (p *People) NeverLost() int {
	n := 0
	for _, who := range p.all {
		if who.lost == 0 {
			n++
		}
	}
	return n
}

// Homes counts, by the replica that last knew them, the people there are.
func (p *People) Homes() map[string]int {
	homes := map[string]int{}
	for _, who := range p.all {
		homes[replica(who.home)]++
	}
	return homes
}

// Split counts who is out, by whether their session lived on the replica.
func (p *People) Split(name string) (residents, residentsOut, othersOut int) {
	for _, who := range p.all {
		lives := replica(who.home) == name
		switch {
		case lives && !who.known:
			residents++
			residentsOut++
		case lives:
			residents++
		case !who.known:
			othersOut++
		}
	}
	return residents, residentsOut, othersOut
}

// replica is the last part of X-Served-By, "monolith/monolith-0".
func replica(servedBy string) string { return servedBy[strings.LastIndexByte(servedBy, '/')+1:] }
