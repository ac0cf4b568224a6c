package paired

var (
	Shift = shift
	Tail  = tail
)
