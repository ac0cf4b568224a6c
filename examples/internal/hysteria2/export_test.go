package hysteria2

// What a Reassembly may keep.
const (
	MaxPartial      = maxPartial
	MaxPartialBytes = maxPartialBytes
	MaxDatagram     = maxDatagram
)

// A Reassembly puts fragments together.
type Reassembly struct{ r reassembly }

// Add is add.
func (r *Reassembly) Add(m Message) []byte { return r.r.add(m) }

// Held returns how many datagrams are kept, and what they are charged.
func (r *Reassembly) Held() (datagrams, bytes int) { return len(r.r.partial), r.r.held }

// Split is split.
func (m *Message) Split(most int, send func([]byte) error) (bool, error) { return m.split(most, send) }
