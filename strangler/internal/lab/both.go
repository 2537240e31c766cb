package lab

// both is what most people try first: the application writes the old database, then
// the new one, then it answers.
func both() way {
	return way{
		name: "both", title: "written to both databases", red: true, after: writeOther,
		why: "A writer that dies between the two has a row in one of them. The client comes again with its key; the old " +
			"database knows it, so the answer is \"done\", and the new one never hears of it. Two edits at once come in one order here and in the other there.",
		shows: func(c Counts) int { return c.Unheard },
	}
}

// bothRepaired is both, improved: a key that is known is written to the new database
// all the same, so a client that comes again mends what was missing.
func bothRepaired() way {
	return way{
		name: "both-repaired", title: "written to both, retries mend", red: true, after: repairOther,
		why: "Clients that come again mend their write, but some never do: their row is in one database, and nobody was told of it. " +
			"And no retry brings two edits into the same order at both.",
		shows: func(c Counts) int { return c.Differing },
	}
}
