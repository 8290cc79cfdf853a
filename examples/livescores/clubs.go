package main

import "math/rand/v2"

// club is a team that does not exist. Its strength multiplies its goals.
type club struct {
	name, slug string
	strength   float64
}

var clubs = [...]club{
	{"Lisbon Tramway", "lisbon", 1.25},
	{"Bergen Fjord", "bergen", 0.90},
	{"Gdańsk Cranes", "gdansk", 1.05},
	{"Antwerp Quay", "antwerp", 1.10},
	{"Bristol Ropewalk", "bristol", 0.95},
	{"Marseille Calanques", "marseille", 1.20},
	{"Trieste Bora", "trieste", 0.80},
	{"Aarhus Gulls", "aarhus", 0.85},
	{"Bilbao Foundry", "bilbao", 1.15},
	{"Rotterdam Dredgers", "rotterdam", 1.20},
	{"Split Mariners", "split", 1.00},
	{"Galway Lighthouse", "galway", 0.75},
	{"Malmö Shipyard", "malmo", 1.00},
	{"Thessaloniki Pier", "thessaloniki", 0.95},
	{"Riga Amber", "riga", 0.85},
	{"Genoa Lanterna", "genoa", 1.10},
	{"Porto Cellars", "porto", 1.15},
	{"Turku Archipelago", "turku", 0.75},
}

// player draws one of the six who score for c.
func (c *club) player(rng *rand.Rand) string {
	first := len(c.name) * int(c.name[0]) // anywhere, but the same each time
	return surnames[(first+7*rng.IntN(6))%len(surnames)]
}

var surnames = [...]string{
	"Abara", "Almeida", "Bakker", "Bellandi", "Brandt", "Castellano", "Cossu", "Dahl", "Devlin",
	"Duarte", "Eriksen", "Etxeberria", "Fagan", "Ferrante", "Grgić", "Holm-Moe", "Hakala", "Ibáñez",
	"Jansone", "Jelavić", "Kallas", "Karlsson", "Kowal", "Kyriakou", "Lindqvist", "Llorente", "Lund",
	"Maes", "Marchetti", "Mbeki", "Moreau", "Nilsen", "Novak", "Okafor", "Ozols", "Papadakis",
	"Pereira", "Quigley", "Renard", "Roversi", "Ruiz", "Sahlberg", "Salonen", "Santos", "Sørensen",
	"Tavares", "Vance", "Verhoeven", "Virtanen", "Wójcik", "Zielinski", "Zubiri",
}
