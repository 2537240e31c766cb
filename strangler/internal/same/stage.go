package same

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"net/http"
	"strings"
)

// stage is what the cases play on: an author signed in on both sides, a reader, and
// things to ask for.
type stage struct {
	direct, gateway *side
	author          person
	reader          string // the reader's cookies at the direct side
	tag             string // of all posts made here
	post            string // a published post with a cover and a comment
	comment         string
	draft           string
	cover           []byte
}

type person struct {
	id, name, email, password string
}

const jsonType = "Content-Type: application/json"

// build makes the stage. The author signs in at each side by itself, so that where
// replicas keep sessions each side's request finds its own.
func build(ctx context.Context, direct, gateway *side) (*stage, error) {
	word := randomWord()
	st := &stage{
		direct: direct, gateway: gateway, tag: "same-" + word, cover: picture(),
		author: person{name: "Same Author", email: "same-" + word + "@journeys.example", password: "correct horse battery staple"},
	}
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"sign the author up", st.signUp},
		{"sign the author in at both sides", st.signIn},
		{"sign a reader up", st.invite},
		{"write posts", st.write},
	} {
		if err := step.do(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return st, nil
}

func (st *stage) signUp(ctx context.Context) error {
	answer, err := st.done(ctx, st.direct, post("/api/v1/accounts", fields{
		"name": st.author.name, "email": st.author.email, "password": st.author.password,
	}), http.StatusCreated)
	if err != nil {
		return err
	}
	st.author.id = answer.id
	role := post("/api/v1/accounts/"+answer.id+"/role", fields{"role": "author"})
	role.method, role.cookies = http.MethodPut, answer.cookies
	_, err = st.done(ctx, st.direct, role, http.StatusOK)
	return err
}

func (st *stage) signIn(ctx context.Context) error {
	for _, side := range []*side{st.direct, st.gateway} {
		answer, err := st.done(ctx, side, st.credentials(), http.StatusCreated)
		if err != nil {
			return err
		}
		side.cookies = answer.cookies
	}
	return nil
}

func (st *stage) credentials() request {
	return post("/api/v1/sessions", fields{"email": st.author.email, "password": st.author.password})
}

func (st *stage) invite(ctx context.Context) error {
	answer, err := st.done(ctx, st.direct, post("/api/v1/accounts", fields{
		"name": "Same Reader", "email": "same-" + randomWord() + "@journeys.example", "password": st.author.password,
	}), http.StatusCreated)
	st.reader = answer.cookies
	return err
}

func (st *stage) write(ctx context.Context) error {
	main, err := st.done(ctx, st.direct, st.posting("Über alles und *nichts*", true), http.StatusCreated)
	if err != nil {
		return err
	}
	st.post = main.id
	upload := request{method: http.MethodPut, target: st.api(st.post) + "/cover", header: []string{"Content-Type: image/png"}, body: st.cover, author: true}
	if _, err := st.done(ctx, st.direct, upload, http.StatusNoContent); err != nil {
		return err
	}
	comment := post(st.api(st.post)+"/comments", fields{"body": "Well said."})
	comment.author = true
	said, err := st.done(ctx, st.direct, comment, http.StatusCreated)
	if err != nil {
		return err
	}
	st.comment = said.id
	draft, err := st.done(ctx, st.direct, st.posting("A draft", false), http.StatusCreated)
	if err != nil {
		return err
	}
	st.draft = draft.id
	for _, side := range []*side{st.direct, st.gateway} {
		own, err := st.done(ctx, side, st.posting("A post of this side", true), http.StatusCreated)
		if err != nil {
			return err
		}
		side.post, side.version = own.id, 1
	}
	return nil
}

// posting is a request that makes a post of the author's.
func (st *stage) posting(title string, publish bool) request {
	r := post("/api/v1/posts", fields{"title": title, "body": "The *body* of " + title + ".", "tags": []string{st.tag}, "publish": publish})
	r.author = true
	return r
}

func (st *stage) api(post string) string { return "/api/v1/posts/" + post }

// done is what the preparation needs of an answer.
type done struct {
	id      string
	cookies string
}

func (st *stage) done(ctx context.Context, side *side, r request, status int) (done, error) {
	answer, err := side.ask(ctx, r)
	if err != nil {
		return done{}, fmt.Errorf("%s: %s %s: %w", side.name, r.method, r.target, err)
	}
	if answer.status != status {
		return done{}, fmt.Errorf("%s: %s %s: answered %d, want %d: %s", side.name, r.method, r.target, answer.status, status, excerpt(answer.body))
	}
	var made struct {
		ID string `json:"id"`
	}
	if len(answer.body) > 0 {
		if err := json.Unmarshal(answer.body, &made); err != nil {
			return done{}, fmt.Errorf("%s: %s %s: read the answer: %w", side.name, r.method, r.target, err)
		}
	}
	return done{id: made.ID, cookies: cookiesOf(answer)}, nil
}

// cookiesOf are the cookies that an answer sets, as a Cookie header.
func cookiesOf(answer reply) string {
	var pairs []string
	for _, line := range answer.header["Set-Cookie"] {
		pair, _, _ := strings.Cut(line, ";")
		pairs = append(pairs, pair)
	}
	return strings.Join(pairs, "; ")
}

type fields map[string]any

// post is a POST with a JSON body.
func post(target string, body fields) request {
	encoded, _ := json.Marshal(body) // strings, bools and lists of strings always encode
	return request{method: http.MethodPost, target: target, header: []string{jsonType}, body: encoded}
}

func get(target string) request { return request{method: http.MethodGet, target: target} }

func randomWord() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(b)
}

// picture is a small PNG.
func picture() []byte {
	img := image.NewGray(image.Rect(0, 0, 64, 64))
	_, _ = rand.Read(img.Pix)
	var out bytes.Buffer
	_ = png.Encode(&out, img) // into memory: never fails
	return out.Bytes()
}
