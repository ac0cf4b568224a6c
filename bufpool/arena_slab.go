package bufpool

import (
	"fmt"
	"reflect"
	"unsafe"
)

// A Slab hands out values of one pointer-free type from an Arena. They go with
// the Arena's next Reset, like everything from there.
type Slab[T any] struct{ arena *Arena }

// SlabOf returns the Slab for values of type T in a. It panics if T contains
// pointers: the collector does not look into an Arena.
func SlabOf[T any](a *Arena) Slab[T] {
	t := reflect.TypeFor[T]()
	if hasPointers(t) {
		panic(fmt.Sprintf("bufpool: SlabOf %v: the type contains pointers", t))
	}
	return Slab[T]{a}
}

// New returns a zero T. It returns ErrLimit beyond the Arena's limit.
func (s Slab[T]) New() (*T, error) {
	v, err := s.Make(1)
	if err != nil {
		return nil, err
	}
	return &v[0], nil
}

// Make returns n zero values. It returns ErrLimit beyond the Arena's limit, and
// ErrRange if n is negative.
func (s Slab[T]) Make(n int) ([]T, error) {
	var t T
	size := int(unsafe.Sizeof(t))
	if n < 0 {
		return nil, ErrRange
	}
	if n == 0 || size == 0 {
		return make([]T, n), nil // takes no memory
	}
	const maxInt = int(^uint(0) >> 1)
	if n > maxInt/size {
		return nil, ErrLimit
	}
	b, err := s.arena.alloc(n*size, int(unsafe.Alignof(t)))
	if err != nil {
		return nil, err
	}
	clear(b)
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n), nil
}

func hasPointers(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return false
	case reflect.Array:
		return t.Len() > 0 && hasPointers(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if hasPointers(t.Field(i).Type) {
				return true
			}
		}
		return false
	default:
		return true
	}
}
