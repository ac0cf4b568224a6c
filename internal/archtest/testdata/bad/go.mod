// This module breaks the rules that the tests check, each in one place.
module example.com/bad

go 1.26

tool example.com/stray

require example.com/stray v0.0.0

replace example.com/stray => ./stray
