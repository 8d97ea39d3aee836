package lh

import (
	"fmt"
	"reflect"
	"sync"

	"littlehorse/lhpb"
)

// adapter turns values of one Go type into those of another, which LittleHorse knows, and back.
type adapter struct {
	via  reflect.Type
	to   func(any) any
	from func(any) (any, error)
}

// adapters by the type that they are for.
var adapters sync.Map // reflect.Type -> *adapter

// RegisterAdapter lets T, which may be somebody else's type, stand for the LittleHorse type of L: in variables, in inputs and
// results of tasks, in fields of structs, and in everything else that goes by TypeOf, Value and Scan.
//
//	err := lh.RegisterAdapter(netip.Addr.String, netip.ParseAddr) // a netip.Addr is a STR
//
// NULL stays the zero value of T. Inside JSON the methods that T has for encoding/json count. It is for the start of a
// program, before T is used; a later adapter of the same T replaces the first. T is a named type that is none of those that
// the SDK itself knows by name, L one that TypeOf knows without an adapter.
func RegisterAdapter[T, L any](to func(T) L, from func(L) (T, error)) error {
	t, via := reflect.TypeFor[T](), reflect.TypeFor[L]()
	switch {
	case t == timeType, t == runIDType, t == rawJSONType, t.PkgPath() == "", t.Kind() == reflect.Interface:
		return fmt.Errorf("Go type %s cannot have an adapter: define a type of your own for it", t)
	case t == via, adapterOf(via) != nil:
		return fmt.Errorf("the adapter of Go type %s goes by %s, which has one itself", t, via)
	}
	if _, err := TypeOf(via); err != nil {
		return fmt.Errorf("the adapter of Go type %s: %w", t, err)
	}
	adapters.Store(t, &adapter{
		via:  via,
		to:   func(v any) any { return to(v.(T)) },
		from: func(v any) (any, error) { return from(v.(L)) },
	})
	return nil
}

func adapterOf(t reflect.Type) *adapter {
	a, is := adapters.Load(t)
	if !is {
		return nil
	}
	return a.(*adapter)
}

// scan reads a value that is not NULL.
func (a *adapter) scan(v *lhpb.VariableValue, target reflect.Value) error {
	known := reflect.New(a.via)
	if err := Scan(v, known.Interface()); err != nil {
		return err
	}
	adapted, err := a.from(known.Elem().Interface())
	if err != nil {
		return fmt.Errorf("%s: %w", target.Type(), err)
	}
	target.Set(reflect.ValueOf(adapted))
	return nil
}
