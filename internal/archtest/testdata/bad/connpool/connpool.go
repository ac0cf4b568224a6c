// Package connpool imports a module that nobody has agreed to.
package connpool

import _ "example.com/stray"
