package main

import "slices"

// A curve is how many times as fast as the standard library something is, by
// length.
type curve struct {
	name   string
	dashed bool
	sizes  []int
	ratios []float64
}

func (c curve) least() float64 { return slices.Min(c.ratios) }
func (c curve) most() float64  { return slices.Max(c.ratios) }

func compare(sizes []int, std, other []float64) curve {
	c := curve{sizes: sizes}
	for i := range sizes {
		c.ratios = append(c.ratios, std[i]/other[i])
	}
	return c
}

// fastest returns the lesser of a and b at each place.
func fastest(a, b []float64) []float64 {
	least := slices.Clone(a)
	for i := range least {
		least[i] = min(least[i], b[i])
	}
	return least
}

// floor returns the noise: by which part two measurements of the same differ,
// at 99 of 100 lengths at most.
func floor(a, b []float64) float64 {
	var parts []float64
	for i := range a {
		parts = append(parts, max(a[i], b[i])/min(a[i], b[i])-1)
	}
	slices.Sort(parts)
	return parts[(len(parts)*99-1)/100]
}

// negligible is a difference, in nanoseconds, that does not count.
const negligible = 3

// losing returns the lengths where other is slower than std, beyond what is
// negligible and the noise.
func losing(sizes []int, std, other []float64, noise float64) []int {
	var lost []int
	for i, n := range sizes {
		if other[i] > std[i]+negligible && other[i] > std[i]*(1+noise) {
			lost = append(lost, n)
		}
	}
	return lost
}
