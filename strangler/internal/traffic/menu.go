package traffic

import "math/rand/v2"

// dish is one operation and how often it is chosen, in parts of the menu's sum.
type dish struct {
	weight int
	do     func(*turn) error
}

// readers is what anyone does: mostly reading, as on every blog. About one operation in five needs a session, so that a
// lost one is noticed soon.
func readers() []dish {
	return []dish{
		{160, (*turn).readFrontPage},
		{120, (*turn).readFeed},
		{220, (*turn).readPost},
		{140, (*turn).readPostPage},
		{30, (*turn).readTagPage},
		{20, (*turn).readAuthorPage},
		{50, (*turn).search},
		{30, (*turn).searchPage},
		{60, (*turn).whoAmI},
		{20, (*turn).readMyPostsPage},
		{30, (*turn).readNotifications},
		{60, (*turn).writeComment},
		{20, (*turn).editComment},
		{10, (*turn).deleteComment},
		{10, (*turn).signOutAndIn},
	}
}

// authors is what those do who write posts too.
func authors() []dish {
	return append(readers(),
		dish{60, (*turn).writePost},
		dish{25, (*turn).publishPost},
		dish{60, (*turn).editPost},
		dish{10, (*turn).deletePost},
	)
}

func choose(rnd *rand.Rand, menu []dish) func(*turn) error {
	sum := 0
	for _, d := range menu {
		sum += d.weight
	}
	at := rnd.IntN(sum)
	for _, d := range menu {
		if at -= d.weight; at < 0 {
			return d.do
		}
	}
	return menu[0].do
}
