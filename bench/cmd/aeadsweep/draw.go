package main

import (
	"bytes"
	"fmt"
	"math"
)

// The picture's measures, in its own units.
const (
	left, right = 50, 880
	top, bottom = 40, 400
	longest     = 64 << 10
)

var colors = []string{
	"#0b5fa5", "#d1495b", "#2e8b57", "#8a5fbf", "#c98a1b", "#444444",
	"#17a2b8", "#7a4a2b", "#e377c2", "#6b8e23", "#000080", "#ff7f0e",
}

// draw returns an SVG picture of the curves: the length on a logarithmic axis,
// the ratio on a linear one, the standard library a line at 1.
func draw(curves []curve) []byte {
	most := 2.0
	for _, c := range curves {
		most = max(most, math.Ceil(c.most()))
	}
	x := func(n int) float64 { return left + (right-left)*math.Log2(float64(n+1))/math.Log2(longest+1) }
	y := func(r float64) float64 { return bottom - (bottom-top)*r/most }
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 %d" font-family="sans-serif" font-size="12">`, bottom+50+18*((len(curves)+1)/2))
	b.WriteString(`<rect width="100%" height="100%" fill="white"/>`)
	fmt.Fprintf(&b, `<text x="%d" y="22" font-size="15">times as fast as the standard library, by bytes of text (higher is better)</text>`, left)
	for r := 0.0; r <= most; r++ {
		stroke := "#ddd"
		if r == 1 {
			stroke = "#000"
		}
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%.1f" y2="%[3]f" stroke="%s"/>`, left, right, y(r), stroke)
		fmt.Fprintf(&b, `<text x="%d" y="%.1f" text-anchor="end">%g</text>`, left-6, y(r)+4, r)
	}
	for _, n := range []int{0, 16, 64, 256, 1024, 4096, 16384, 65536} {
		fmt.Fprintf(&b, `<line x1="%.1f" x2="%[1]f" y1="%d" y2="%d" stroke="#ddd"/>`, x(n), top, bottom)
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%d</text>`, x(n), bottom+16, n)
	}
	for i, c := range curves {
		color, dash := colors[i%len(colors)], ""
		if c.dashed {
			dash = ` stroke-dasharray="4 3"`
		}
		fmt.Fprintf(&b, `<polyline fill="none" stroke="%s"%s points="`, color, dash)
		for j, n := range c.sizes {
			fmt.Fprintf(&b, "%.1f,%.1f ", x(n), y(c.ratios[j]))
		}
		b.WriteString(`"/>`)
		lx, ly := left+float64(i%2)*420, float64(bottom+40+18*(i/2))
		fmt.Fprintf(&b, `<line x1="%.0f" x2="%.0f" y1="%.0f" y2="%[3]f" stroke="%s"%s stroke-width="2"/>`, lx, lx+30, ly-4, color, dash)
		fmt.Fprintf(&b, `<text x="%.0f" y="%.0f">%s</text>`, lx+38, ly, c.name)
	}
	b.WriteString("</svg>\n")
	return b.Bytes()
}
