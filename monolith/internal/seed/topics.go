package seed

// topic is what a post is about: the words that make it sound like that.
type topic struct {
	tags   []string
	things []string // "the ... "
	doings []string // "learn to ..."
	facts  []string // whole sentences
	code   []string // fenced blocks, of topics that have some
}

var topics = []topic{
	{
		tags:   []string{"software", "go", "databases", "testing", "architecture", "postgres"},
		things: []string{"cache", "queue", "migration", "test suite", "retry loop", "index", "log line", "feature flag", "connection pool", "monolith", "deployment", "code review"},
		doings: []string{"delete code", "name things", "read a query plan", "write the test first", "roll back without fear", "measure before guessing", "split a service"},
		facts: []string{
			"A timeout that nobody chose is still a timeout, only a worse one.",
			"The slowest query was not the one in the dashboard; it was the one that ran forty times a page.",
			"We had three sources of truth, which is another way of saying that we had none.",
			"Every retry needs a bound, and every bound needs somebody who knows why it is there.",
			"The bug had been there for two years, and the test that would have caught it took four minutes to write.",
			"A rollback that was never rehearsed is a hope, not a plan.",
		},
		code: []string{
			"```go\nfunc (q *Queue) Take(ctx context.Context) (Job, error) {\n\tselect {\n\tcase job := <-q.jobs:\n\t\treturn job, nil\n\tcase <-ctx.Done():\n\t\treturn Job{}, ctx.Err()\n\t}\n}\n```",
			"```sql\nEXPLAIN (ANALYZE, BUFFERS)\nSELECT id, title FROM posts\nWHERE author_id = $1\nORDER BY published_at DESC\nLIMIT 20;\n```",
			"```sh\n$ curl -s localhost:8080/healthz | jq .status\n\"ok\"\n```",
			"```go\nif err != nil {\n\treturn fmt.Errorf(\"open settings %q: %w\", path, err)\n}\n```",
		},
	},
	{
		tags:   []string{"garden", "trees", "seasons", "soil", "patience"},
		things: []string{"compost heap", "fig tree", "greenhouse", "pruning saw", "apple graft", "rain barrel", "hedge", "seed box", "old pear", "mulch", "banyan"},
		doings: []string{"prune in winter", "water less often", "sow in rows", "wait for the soil to warm", "save seeds", "graft a scion"},
		facts: []string{
			"A banyan lets down roots from its branches until nobody can say which trunk was the first.",
			"Most plants that die in spring were drowned, not dried out.",
			"The strangler fig needs the old tree to stand for as long as it takes, and no longer.",
			"Clay forgives a late start but never a wet boot.",
			"What you cut back in February you get twice in June.",
		},
	},
	{
		tags:   []string{"cooking", "bread", "kitchen", "winter", "recipes"},
		things: []string{"sourdough starter", "cast-iron pan", "stock pot", "oven", "pickle jar", "rolling pin", "lentil soup", "pantry", "kitchen scale", "pepper mill"},
		doings: []string{"knead less", "season at the end", "bake by weight", "keep a starter alive", "cook for twelve", "clean as you go"},
		facts: []string{
			"Salt first, taste, and then decide; the other order is how soups become sad.",
			"A scale costs less than the flour that guessing wastes in a month.",
			"The crust is a matter of steam, and the crumb is a matter of time.",
			"Nobody has ever asked for the recipe of something that was served cold by accident.",
			"Twelve guests eat what eight guests eat, and talk twice as much.",
		},
	},
	{
		tags:   []string{"cycling", "city", "maps", "commuting", "trains"},
		things: []string{"bicycle lane", "night train", "tram stop", "cargo bike", "puncture", "river path", "bridge", "timetable", "ticket machine", "street map"},
		doings: []string{"ride in the rain", "read a timetable", "fix a puncture in the dark", "find the quiet street", "leave ten minutes earlier", "pack light"},
		facts: []string{
			"The shortest way is rarely the fastest, and almost never the one you remember.",
			"A city shows its manners at crossings.",
			"Every bridge is a bottleneck with a view.",
			"The night train arrives tired but arrives where you want to be.",
			"I have been overtaken by a piano on a cargo bike, and I was not going slowly.",
		},
	},
	{
		tags:   []string{"books", "reading", "writing", "notes", "libraries"},
		things: []string{"notebook", "library card", "first draft", "footnote", "index card", "second-hand shop", "margin", "bookmark", "reading lamp", "short story"},
		doings: []string{"stop reading a bad book", "write before breakfast", "keep a reading log", "cut the first paragraph", "read aloud", "lend books and lose them"},
		facts: []string{
			"The first paragraph is where the writer warms up; the second is where the text begins.",
			"A note that you can't find again was only a way of feeling busy.",
			"Libraries are the last places where you may sit for a day and be sold nothing.",
			"Footnotes are where authors tell the truth.",
			"I finish about half of what I start, and I no longer apologise for it.",
		},
	},
	{
		tags:   []string{"teams", "work", "remote", "meetings", "learning"},
		things: []string{"stand-up", "on-call rota", "hiring round", "handover", "whiteboard", "quiet hour", "retrospective", "welcome guide", "calendar", "incident review"},
		doings: []string{"say no kindly", "write it down", "hand over well", "end meetings early", "ask the obvious question", "learn in public"},
		facts: []string{
			"The person who asks the obvious question is usually asking it for four others.",
			"A meeting without a question to answer is a play without an ending.",
			"We wrote the guide for newcomers, and the old hands were the ones who read it.",
			"Nobody burns out from the work that they can finish.",
			"The best handover I ever got was two pages and a phone number.",
		},
	},
}
