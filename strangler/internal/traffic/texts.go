package traffic

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// What people are called and write about. Functions, not variables: a package has no mutable state.

func firstNames() []string {
	return strings.Fields(`Amara Anton Beatriz Caspian Chiara Dalia Dimitri Edda Emre Fatou Finn Greta Hana Idris Ines
		Jonas Kofi Leila Linnea Mateo Mei Nadia Nikhil Noor Oskar Paola Priya Rafael Rosa Samir Sanne Tariq Thea
		Tomas Ulrike Viktor Wanjiru Yara Yusuf Zofia`)
}

func lastNames() []string {
	return strings.Fields(`Abara Almeida Bergstrom Castellano Dubois Eriksen Farouk Garnier Haddad Ivanova Jansen Kamau
		Kowalski Lindqvist Marchetti Mbeki Nakamura Novak Okafor Petrov Quispe Ramanathan Rossi Salazar
		Schneider Tanaka Ullmann Vargas Weber Yilmaz`)
}

// topics are what posts are about, and what people search for.
func topics() []string {
	return strings.Fields(`bread cycling gardens kitchens letters lighthouses maps markets mountains music neighbours
		orchards radio rain rivers sailing sourdough stars tea trains walking winter woodwork workshops`)
}

func sentences() []string {
	return []string{
		"I had been meaning to write this down since the spring.",
		"My neighbour disagrees, and she may be right.",
		"It took three attempts before anything held together.",
		"The first thing you learn is how little hurry helps.",
		"There is a small shop by the station that still sells them.",
		"None of the books say this, so here it is.",
		"What surprised me was the sound.",
		"We went back the next morning and it was all different.",
		"If you try it, begin with the cheap ones.",
		"The old way is slower, and I have come to like it.",
		"Half of it was luck; the other half was a good rope.",
		"I kept notes, and this is what is left of them.",
	}
}

func remarks() []string {
	return []string{
		"Thank you, this is just what I was looking for.",
		"We tried the same last year and had less luck with the weather.",
		"Could you say more about the second part?",
		"I read this on the train and missed my stop.",
		"My grandfather did it exactly like that.",
		"Not sure I agree, but it is well put.",
		"The photograph of the bridge is lovely.",
		"Saved for the weekend.",
	}
}

func personName(rnd *rand.Rand) string { return one(rnd, firstNames()) + " " + one(rnd, lastNames()) }

func one(rnd *rand.Rand, of []string) string { return of[rnd.IntN(len(of))] }

// postText is a post in Markdown, with the marker as a reader's reference at its end.
func postText(rnd *rand.Rand, topic, marker string) string {
	var b strings.Builder
	for range 2 + rnd.IntN(3) {
		for range 2 + rnd.IntN(4) {
			b.WriteString(one(rnd, sentences()) + " ")
		}
		b.WriteString("\n\n")
	}
	fmt.Fprintf(&b, "## More on %s\n\n* %s\n* %s\n\nReference: %s\n", topic, one(rnd, sentences()), one(rnd, sentences()), marker)
	return b.String()
}

func postTitle(rnd *rand.Rand, topic string) string {
	forms := []string{"Notes on %s", "What %s taught me", "A year of %s", "In praise of %s", "%s, slowly", "Against %s"}
	title := fmt.Sprintf(one(rnd, forms), topic)
	return strings.ToUpper(title[:1]) + title[1:]
}

func commentText(rnd *rand.Rand, marker string) string {
	return one(rnd, remarks()) + " " + one(rnd, remarks()) + "\n\n" + marker
}
