package seed

// What every topic shares. {thing} {other} {doing} {name} {n} are filled in.
var (
	titles = []string{
		"What the {thing} taught me", "In praise of the {thing}", "How to {doing}", "Against the {thing}",
		"A year with the {thing}", "The {thing} and the {other}", "Why we still {doing}", "Notes on how to {doing}",
		"{n} things about the {thing}", "The quiet work of the {thing}", "When the {thing} fails", "Learning to {doing}",
		"On the {thing}, again", "Before you {doing}", "The {thing} nobody wanted", "How {name} learned to {doing}",
	}
	openings = []string{
		"It began with the {thing}, as these things do, on a Tuesday when nobody had time for it.",
		"For {n} years I thought that the {thing} was somebody else's problem.",
		"Last week {name} asked me why I bother to {doing}, and I had no good answer. This is a better one.",
		"There are two kinds of people: those who {doing}, and those who have not yet seen what happens otherwise.",
		"I promised to write about the {thing}. I have put it off {n} times, so here it is.",
		"Let me say it at once: the {thing} is not the problem. The {other} is.",
	}
	sentences = []string{
		"What surprised me most was how little the {thing} had to do with it.",
		"{name} put it best: you can {doing}, or you can explain later why you did not.",
		"We tried it with the {other} first, and it went well for exactly {n} days.",
		"The first attempt was wrong in an instructive way.",
		"I used to believe that the {thing} would take care of itself.",
		"It takes about {n} minutes, and it saves an afternoon.",
		"Nobody thanks you for the {thing} until it is missing.",
		"If you only change one habit this year, let it be this one.",
		"I wrote down what I expected, and then what happened; the two lists share one line.",
		"The {other} is the part that everybody skips.",
		"It helps to {doing} before the day gets its own ideas.",
		"You will notice the difference in the second week, not in the first.",
		"It is less work than it sounds, and more than you hope.",
		"After {n} tries the {thing} and I have come to an arrangement.",
		"There is a version of this that is clever. I recommend the other one.",
		"The old way had its reasons, and we should name them before we leave it.",
		"Somebody always asks about the {other} here, so: yes, it matters, and no, not today.",
		"I keep coming back to what {name} said about the {thing}.",
	}
	headings = []string{
		"What happened", "The part that everybody skips", "What I would do again", "What it costs", "A small experiment",
		"The {thing} itself", "Where the {other} comes in", "Objections", "How to begin", "What is left",
	}
	lists = [][]string{
		{"begin with the {thing}", "leave the {other} for later", "write down what you expect", "stop when it is good enough"},
		{"the {thing}, of course", "something to write on", "an hour without interruptions", "somebody like {name}, who asks questions"},
		{"it is cheap", "it can be taken back", "everybody can see how far it is", "the {other} stays as it is meanwhile"},
		{"**measure** the {thing} first", "change *one* thing", "measure again", "tell {name} about it"},
	}
	quotes = []string{
		"> Do the boring thing first, and the exciting thing will be smaller.",
		"> A thing is finished when there is somebody who would miss it.",
		"> You can {doing} tomorrow, but tomorrow the {thing} will be older.",
	}
	links = []string{
		"There is more about this in [an older note](https://example.org/notes/{n}).",
		"{name} has [written about the {thing}](https://example.com/the-{n}-rules), and better than I do.",
		"See also [this talk](https://example.net/talks/{n}), from minute {n} on.",
	}
	closings = []string{
		"That is all. If you {doing} differently, tell me below.",
		"I will write again when the {thing} has been through a winter.",
		"Ask me again in a year.",
		"The {other} is a story for another day.",
		"Thanks to {name}, who read a draft of this and was right about the ending.",
	}

	// Threads of talk: the first has something to say, the others answer.
	remarks = []string{
		"This is exactly what happened to us with the {thing}. It took {n} weeks to find out.",
		"I disagree about the {other}, but the rest is spot on.",
		"Have you tried to {doing} without the {thing}? I would be curious.",
		"Thank you for writing this. I have sent it to everybody I know who still fights with the {thing}.",
		"The part about the {other} made me laugh out loud on the tram.",
		"How long did it take until the {thing} paid off?",
		"I had to read this twice. The second time I took notes.",
		"We did the opposite and it worked, too. Perhaps it depends on the {other}?",
		"Small correction: it is {n}, not the number in the second paragraph.",
		"Bookmarked. I will try to {doing} this weekend.",
	}
	replies = []string{
		"@{name} Good question. I would say {n}, but don't quote me on it.",
		"@{name} That depends on the {thing}, I suppose.",
		"@{name} Same here! The {other} was the worst part.",
		"@{name} I am not convinced. What about the {other}?",
		"@{name} Thanks, that helps.",
		"@{name} Yes, and it gets better once you {doing}.",
		"@{name} Could you say more about the {thing}?\n\nWe are about to decide on it here.",
		"@{name} No, it was the {thing}. I checked.",
		"@{name} Let us agree that the {other} is nobody's friend.",
	}
	// What the rules in rules.go hold back.
	unwanted = []string{
		"I made money with crypto while reading about the {thing}, ask me how.",
		"See https://example.com/a https://example.com/b https://example.com/c for {n} offers on the {thing}.",
		"Refinance your {thing} today! {n} percent!",
		"Best online casino, {n} free spins, no {thing} needed.",
		"casino casino casino",
	}
)

var (
	firstNames = []string{
		"Ada", "Aiko", "Amara", "Anton", "Beatriz", "Bilal", "Carmen", "Chidi", "Dalia", "Daniel", "Elif", "Emil", "Fatima", "Felix",
		"Greta", "Hana", "Henrik", "Ines", "Ivan", "Jamila", "Jonas", "Kaya", "Kofi", "Lena", "Luca", "Maja", "Mateo", "Mei", "Nadia",
		"Noah", "Olga", "Omar", "Petra", "Priya", "Quentin", "Rosa", "Ruben", "Sana", "Tariq", "Thea", "Uma", "Viktor", "Wanda", "Yara", "Zoë",
	}
	lastNames = []string{
		"Almeida", "Andersen", "Baker", "Bianchi", "Chen", "Costa", "Diallo", "Dubois", "Eriksen", "Fischer", "García", "Haddad", "Hoffmann",
		"Ibrahim", "Jansen", "Kaplan", "Kowalska", "Lindqvist", "Marek", "Moreau", "Nakamura", "Novak", "O'Brien", "Okafor", "Oliveira",
		"Park", "Petrov", "Rahman", "Rossi", "Sato", "Schneider", "Silva", "Singh", "Tanaka", "Torres", "Varga", "Weber", "Yilmaz", "Zhang",
	}
)
