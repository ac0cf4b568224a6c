package connpool

// A Cause is why a Pool closed a connection.
type Cause uint8

const (
	causeNone Cause = iota
	// CauseIdle: it was idle for IdleTimeout.
	CauseIdle
	// CauseLifetime: it came to the end of its Lifetime.
	CauseLifetime
	// CauseUses: it was lent MaxUses times.
	CauseUses
	// CausePeerClosed: its peer has ended it, in order or by a reset, or has
	// stopped to answer the kernel's probes.
	CausePeerClosed
	// CauseUnread: data were there that nobody had asked for.
	CauseUnread
	// CauseSpent: it was put back after an error or with a direction closed.
	CauseSpent
	// CauseInUse: it was put back while a call on it was under way.
	CauseInUse
	// CauseCheck: Config.Check refused it.
	CauseCheck
	// CauseFull: too many were idle already.
	CauseFull
	// CauseRoom: another key needed room within MaxOpen.
	CauseRoom
	// CauseDrained: its key was drained, or the Pool was reset.
	CauseDrained
	// CauseClosed: the Pool was closed.
	CauseClosed
	// CauseDiscarded: its user discarded or closed it.
	CauseDiscarded
	numCauses
)

var causeNames = [numCauses]string{
	"none", "idle", "lifetime", "uses", "peer closed", "unread", "spent", "in use",
	"check", "full", "room", "drained", "closed", "discarded",
}

// String returns a word or two for the cause.
func (c Cause) String() string {
	if int(c) < len(causeNames) {
		return causeNames[c]
	}
	return "unknown"
}

// Causes returns all causes, for whoever shows Stats.Evicted.
func Causes() []Cause {
	all := make([]Cause, 0, numCauses-1)
	for c := causeNone + 1; c < numCauses; c++ {
		all = append(all, c)
	}
	return all
}
