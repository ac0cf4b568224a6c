package procfs

var (
	ParseRollup = parseRollup
	TableHas    = tableHas
)
