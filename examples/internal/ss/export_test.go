package ss

const SaltsPerGeneration = saltsPerGeneration

var (
	PasswordKey = passwordKey
	Subkey      = subkey
)

// DatagramSubkey is Subkey as datagrams have it.
func DatagramSubkey(master, salt []byte) []byte { return new(deriver).subkey(master, salt) }
