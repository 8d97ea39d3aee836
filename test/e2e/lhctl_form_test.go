package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// wellFormed holds a printed message to what scripts may rely on: two spaces of indentation, one behind a colon, a newline
// at the end; keys in lowerCamelCase, in the order of the schema; everything printed that has no presence of its own, unset
// messages as null; 64-bit numbers as strings, enums by name, moments in RFC 3339.
func wellFormed(text []byte, d protoreflect.MessageDescriptor) error {
	var indented bytes.Buffer
	if err := json.Indent(&indented, text, "", "  "); err != nil {
		return err
	}
	if got := strings.TrimSpace(indented.String()) + "\n"; got != string(text) {
		return errors.New("other spaces")
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	document, err := readOrdered(decoder)
	if err != nil {
		return err
	}
	return isMessage(document, d)
}

// object is a JSON object with its order.
type object struct {
	keys   []string
	values map[string]any
}

// readOrdered reads the next value.
func readOrdered(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('['):
		list := []any{}
		for d.More() {
			item, err := readOrdered(d)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		_, err = d.Token()
		return list, err
	case json.Delim('{'):
		o := object{values: map[string]any{}}
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, err
			}
			value, err := readOrdered(d)
			if err != nil {
				return nil, err
			}
			o.keys = append(o.keys, key.(string))
			o.values[key.(string)] = value
		}
		_, err = d.Token()
		return o, err
	default:
		return token, nil
	}
}

var moment = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{6}|\.\d{9})?Z$`)

func isMessage(v any, d protoreflect.MessageDescriptor) error {
	if d.FullName() == "google.protobuf.Timestamp" {
		if text, ok := v.(string); !ok || !moment.MatchString(text) {
			return fmt.Errorf("%v is no moment", v)
		}
		return nil
	}
	o, ok := v.(object)
	if !ok {
		return fmt.Errorf("%v is no %s", v, d.Name())
	}
	rest := o.keys
	for i := range d.Fields().Len() {
		f := d.Fields().Get(i)
		value, there := o.values[f.JSONName()]
		if !there {
			if f.ContainingOneof() == nil {
				return fmt.Errorf("%s lacks %s", d.Name(), f.JSONName())
			}
			continue
		}
		if rest[0] != f.JSONName() {
			return fmt.Errorf("%s has %s where %s should be", d.Name(), rest[0], f.JSONName())
		}
		rest = rest[1:]
		if err := isField(value, f); err != nil {
			return fmt.Errorf("%s.%s: %w", d.Name(), f.JSONName(), err)
		}
	}
	if len(rest) > 0 {
		return fmt.Errorf("%s has no field %s", d.Name(), rest[0])
	}
	return nil
}

func isField(v any, f protoreflect.FieldDescriptor) error {
	switch {
	case f.IsMap():
		o, ok := v.(object)
		if !ok || !slices.IsSorted(o.keys) {
			return fmt.Errorf("%v is no map, or not in order", v)
		}
		for _, key := range o.keys {
			if err := isValue(o.values[key], f.MapValue()); err != nil {
				return err
			}
		}
		return nil
	case f.IsList():
		list, ok := v.([]any)
		if !ok {
			return fmt.Errorf("%v is no list", v)
		}
		for _, item := range list {
			if err := isValue(item, f); err != nil {
				return err
			}
		}
		return nil
	case v == nil && f.Message() != nil && f.ContainingOneof() == nil:
		return nil
	default:
		return isValue(v, f)
	}
}

var wholeNumber = regexp.MustCompile(`^-?\d+$`)

func isValue(v any, f protoreflect.FieldDescriptor) error {
	var ok bool
	switch f.Kind() {
	case protoreflect.MessageKind:
		return isMessage(v, f.Message())
	case protoreflect.EnumKind:
		name, text := v.(string)
		ok = text && f.Enum().Values().ByName(protoreflect.Name(name)) != nil
	case protoreflect.Int64Kind, protoreflect.Uint64Kind:
		number, text := v.(string)
		ok = text && wholeNumber.MatchString(number)
	case protoreflect.Int32Kind, protoreflect.Uint32Kind:
		number, is := v.(json.Number)
		ok = is && wholeNumber.MatchString(number.String())
	case protoreflect.DoubleKind, protoreflect.FloatKind:
		_, ok = v.(json.Number)
	case protoreflect.BoolKind:
		_, ok = v.(bool)
	case protoreflect.StringKind:
		_, ok = v.(string)
	case protoreflect.BytesKind:
		text, is := v.(string)
		_, err := base64.StdEncoding.DecodeString(text)
		ok = is && err == nil
	}
	if !ok {
		return fmt.Errorf("%v is no %s", v, f.Kind())
	}
	return nil
}
