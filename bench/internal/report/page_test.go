package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/headrace-go/headrace/bench/internal/report"
)

func TestWriteHTML(t *testing.T) {
	r := example()
	r.Judge()
	var b strings.Builder
	if err := r.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, want := range []string{
		"1 connection down", "proxy", "50%", "it fell over", "panic: &lt;oh no&gt;", "not measured", "Some CPU",
		`<text class="name"`, "1 of the bounds missed",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("page lacks %q", want)
		}
	}
	for _, outside := range []string{"http:", "https:", "<script", "<link", "url(", "@import"} {
		if strings.Contains(page, outside) {
			t.Errorf("page has %q: it must need nothing from elsewhere", outside)
		}
	}
	pictures := regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAllString(page, -1)
	if len(pictures) == 0 {
		t.Error("page has no charts")
	}
	for _, picture := range pictures {
		d := xml.NewDecoder(strings.NewReader(picture))
		for {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("chart is not well-formed: %v\n%s", err, picture)
			}
		}
		if strings.Contains(picture, "NaN") || strings.Contains(picture, "Inf") {
			t.Errorf("chart has a place that is no number: %s", picture)
		}
	}
}

// TestEmptyReport: a run in which nothing could be measured still reports.
func TestEmptyReport(t *testing.T) {
	r := &report.Report{Mode: report.Loopback, Rows: []*report.Row{report.NewRow("direct", false, "fresh", nil)}}
	var b bytes.Buffer
	if err := r.WriteHTML(&b); err != nil {
		t.Error(err)
	}
	if err := r.WriteTable(&b); err != nil {
		t.Error(err)
	}
}

func TestJSONRoundTrip(t *testing.T) {
	r := example()
	r.Judge()
	var first, second bytes.Buffer
	if err := r.WriteJSON(&first); err != nil {
		t.Fatal(err)
	}
	var back report.Report
	if err := json.Unmarshal(first.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if err := back.WriteJSON(&second); err != nil {
		t.Fatal(err)
	}
	if first.String() != second.String() {
		t.Errorf("a report changes on its way through JSON:\n%s\n%s", &first, &second)
	}
}
