package report

var Number = number

func Linear(top, left, right float64) (at func(float64) float64, ticks []float64) {
	a, ticks := linear(top, left, right)
	return a.at, ticks
}

func Logarithmic(lo, hi, left, right float64) (at func(float64) float64, ticks []float64) {
	a, ticks := logarithmic(lo, hi, left, right)
	return a.at, ticks
}
