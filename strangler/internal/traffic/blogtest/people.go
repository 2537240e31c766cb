package blogtest

import "net/http"

func (b *Blog) signUp(c *call) answer {
	if b.accounts[c.text("email")] != nil {
		return problem(409, "email-taken")
	}
	a := &account{ID: b.newID(), Name: c.text("name"), Email: c.text("email"), Password: c.text("password"), Role: "reader", Version: 1}
	b.accounts[a.Email] = a
	b.begin(c, a)
	return answer{201, a}
}

func (b *Blog) begin(c *call, a *account) {
	token := b.newID()
	b.sessions[token] = a
	http.SetCookie(c.w, &http.Cookie{Name: "banyan_session", Value: token, Path: "/", HttpOnly: true})
}

func (b *Blog) me(c *call) answer {
	if c.who == nil {
		return problem(401, "unauthenticated")
	}
	return answer{200, c.who}
}

func (b *Blog) role(c *call) answer {
	if c.who == nil || c.who.ID != c.PathValue("id") {
		return problem(401, "unauthenticated")
	}
	c.who.Role = c.text("role")
	return answer{200, c.who}
}

func (b *Blog) signIn(c *call) answer {
	a := b.accounts[c.text("email")]
	if a == nil || a.Password != c.text("password") {
		return problem(401, "bad-credentials")
	}
	b.begin(c, a)
	return answer{201, a}
}

func (b *Blog) signOut(c *call) answer {
	if cookie, err := c.Cookie("banyan_session"); err == nil {
		delete(b.sessions, cookie.Value)
	}
	return answer{204, nil}
}

func (b *Blog) myPage(c *call) answer {
	if c.who == nil {
		c.w.Header().Set("Location", "/sign-in?next=/me/posts")
		return answer{303, nil}
	}
	return b.page(c)
}

func (b *Blog) page(c *call) answer {
	c.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	return answer{200, "a page"}
}
