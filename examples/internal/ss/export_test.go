package ss

const SaltsPerGeneration = saltsPerGeneration

var (
	PasswordKey = passwordKey
	Subkey      = subkey
)
