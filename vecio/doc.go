// Package vecio moves bytes between connections with as few system calls and
// as little memory as the system allows.
package vecio
