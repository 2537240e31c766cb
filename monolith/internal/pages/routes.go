package pages

import "github.com/labstack/echo/v4"

// Register adds all pages to the host's server. The session middleware and
// accounts.Viewing have to run before them, but for what lies under /static/.
func (p *Pages) Register(e *echo.Echo) {
	e.GET("/static/:file", p.static)
	e.GET("/favicon.ico", p.favicon)

	e.GET("/", p.front)
	e.GET("/feed.atom", p.atom)
	e.GET("/tags", p.tags)
	e.GET("/tags/:tag", p.tag)
	e.GET("/authors/:id", p.author)
	e.GET("/search", p.search)
	e.GET("/problems", p.problems)
	e.GET("/posts/:id", p.post)
	e.GET("/posts/:id/:slug", p.post)
	e.GET("/comments/:id", p.comment)

	e.GET("/sign-in", p.signInForm)
	e.POST("/sign-in", p.signIn)
	e.GET("/sign-up", p.signUpForm)
	e.POST("/sign-up", p.signUp)
	e.POST("/sign-out", p.signOut)

	// From here on somebody has to be signed in.
	get := func(path string, h echo.HandlerFunc) { e.GET(path, h, p.signedIn) }
	post := func(path string, h echo.HandlerFunc) { e.POST(path, h, p.signedIn) }
	get("/write", p.writeForm)
	post("/write", p.write)
	e.GET("/posts/:id/edit", p.unlessSlug("edit", p.editForm))
	post("/posts/:id/edit", p.edit)
	post("/posts/:id/publish", p.publish)
	e.GET("/posts/:id/delete", p.unlessSlug("delete", p.deleteForm))
	post("/posts/:id/delete", p.delete)
	post("/posts/:id/cover", p.setCover)
	post("/posts/:id/cover/delete", p.deleteCover)

	post("/posts/:id/comments", p.writeComment)
	get("/comments/:id/edit", p.editCommentForm)
	post("/comments/:id/edit", p.editComment)
	get("/comments/:id/delete", p.deleteCommentForm)
	post("/comments/:id/delete", p.deleteComment)

	get("/me/posts", p.myPosts)
	get("/me/profile", p.profile)
	post("/me/profile", p.rename)
	post("/me/role", p.takeRole)
	get("/me/sessions", p.sessions)
	post("/me/sessions/others/revoke", p.revokeOthers)
	post("/me/sessions/:id/revoke", p.revoke)

	get("/notifications", p.notifications)
	post("/notifications/read", p.readAll)
	post("/notifications/:id/open", p.openNotification)

	get("/moderation", p.queue)
	post("/moderation/comments/:id", p.decide)
	get("/moderation/rules", p.rules)
	post("/moderation/rules", p.addRule)
	post("/moderation/rules/:id/delete", p.deleteRule)
	post("/authors/:id/role", p.giveRole)
}
