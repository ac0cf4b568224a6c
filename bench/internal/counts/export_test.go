package counts

var ParseSummary = parseSummary
