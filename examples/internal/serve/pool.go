package serve

import (
	"fmt"

	"github.com/headrace-go/headrace/bufpool"
)

// PoolUsage explains the flag that UsePool parses.
const PoolUsage = "take buffers from the `pool` shared, or from none: then every buffer is made, to show what pooling is worth"

// UsePool sets Pool by its name, as flag.Func wants it.
func (c *Config) UsePool(name string) error {
	switch name {
	case "shared":
		c.Pool = bufpool.Default()
	case "none":
		c.Pool = bufpool.None()
	default:
		return fmt.Errorf("no pool %q; there are shared and none", name)
	}
	return nil
}
