package trial

// CheckRise takes what a process held before and after n more connections.
func CheckRise(memoryBefore, memoryAfter int64, fdsBefore, fdsAfter, n int) error {
	return checkRise(footprint{memory: memoryBefore, fds: fdsBefore}, footprint{memory: memoryAfter, fds: fdsAfter}, n)
}
