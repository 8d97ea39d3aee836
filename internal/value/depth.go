package value

import "littlehorse/lhpb"

// checkDepth refuses a value that nests deeper than MaxDepth.
func checkDepth(v *lhpb.VariableValue, depth int) error {
	if depth > MaxDepth {
		return tooDeep()
	}
	switch k := v.GetValue().(type) {
	case *lhpb.VariableValue_Array:
		for _, item := range k.Array.GetItems() {
			if err := checkDepth(item, depth+1); err != nil {
				return err
			}
		}
	case *lhpb.VariableValue_Map:
		for _, e := range k.Map.GetEntries() {
			if err := checkDepth(e.GetKey(), depth+1); err != nil {
				return err
			}
			if err := checkDepth(e.GetValue(), depth+1); err != nil {
				return err
			}
		}
	case *lhpb.VariableValue_Struct:
		for _, f := range k.Struct.GetStruct().GetFields() {
			if err := checkDepth(f.GetValue(), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}
