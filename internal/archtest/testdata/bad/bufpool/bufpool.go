package bufpool

type Bare struct{}

func NewBare() Bare { return Bare{} }

func (Bare) Get() {}

// Told has a comment.
func (Bare) Told() {}

func (Bare) String() string { return "" }

func (hidden) Exported() {}

type hidden struct{}

const BareConst = 1

// The group has a comment.
const (
	GroupConst = 1
)

const (
	LineConst = 1 // has a comment
)
