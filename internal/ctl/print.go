package ctl

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// format is how results are printed: the value of the flag --output.
type format string

const (
	formatJSON  format = "json"
	formatYAML  format = "yaml"
	formatTable format = "table"
)

var formats = []string{string(formatJSON), string(formatYAML), string(formatTable)}

// String, Set and Type make it a flag.
func (f *format) String() string { return string(*f) }

// Set takes one of the names.
func (f *format) Set(text string) error {
	if !slices.Contains(formats, text) {
		return fmt.Errorf("use one of %s", strings.Join(formats, ", "))
	}
	*f = format(text)
	return nil
}

// Type is what help calls the value.
func (f *format) Type() string { return strings.Join(formats, "|") }

// render gives a message in the form.
func (f *format) render(m proto.Message) ([]byte, error) {
	text, err := canonicalJSON(m)
	if err != nil || cmp.Or(*f, formatJSON) == formatJSON {
		return text, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil { // JSON is YAML, and a node keeps the order of its fields
		return nil, err
	}
	if *f == formatTable {
		return tableOf(doc.Content[0])
	}
	return blockYAML(&doc)
}

// canonicalJSON is protobuf's JSON form: unset fields with presence are left out, all others printed. protojson varies
// its spaces from build to build on purpose, so they are set anew here.
func canonicalJSON(m proto.Message) ([]byte, error) {
	text, err := protojson.MarshalOptions{EmitUnpopulated: true}.Marshal(m)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

func blockYAML(doc *yaml.Node) ([]byte, error) {
	var block func(*yaml.Node)
	block = func(n *yaml.Node) {
		n.Style = 0
		for _, child := range n.Content {
			block(child)
		}
	}
	block(doc)
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(doc); err != nil {
		return nil, err
	}
	err := enc.Close()
	return out.Bytes(), err
}

// tableOf shows a page of results as a row each, with the bookmark below, and any other message as a row for each field.
func tableOf(n *yaml.Node) ([]byte, error) {
	var out bytes.Buffer
	results, bookmark := fieldOf(n, "results"), fieldOf(n, "bookmark")
	if results == nil || results.Kind != yaml.SequenceNode { // a UserTaskRun has results, too: a map
		w := newTable(&out)
		for _, c := range cellsOf("", n) {
			fmt.Fprintf(w, "%s\t%s\n", c.column, c.text)
		}
		err := w.Flush()
		return out.Bytes(), err
	}
	if err := writeRows(&out, results.Content); err != nil {
		return nil, err
	}
	if bookmark != nil {
		fmt.Fprintf(&out, "\nnext page: --bookmark %s\n", bookmark.Value)
	}
	return out.Bytes(), nil
}

func newTable(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) }

func writeRows(out io.Writer, results []*yaml.Node) error {
	var columns []string
	rows := make([]map[string]string, 0, len(results))
	for _, result := range results {
		row := map[string]string{}
		for _, c := range cellsOf("", result) {
			if !slices.Contains(columns, c.column) {
				columns = append(columns, c.column)
			}
			row[c.column] = c.text
		}
		rows = append(rows, row)
	}
	w := newTable(out)
	if len(columns) > 0 {
		fmt.Fprintln(w, strings.ToUpper(strings.Join(columns, "\t")))
	}
	for _, row := range rows {
		texts := make([]string, 0, len(columns))
		for _, column := range columns {
			texts = append(texts, row[column])
		}
		fmt.Fprintln(w, strings.Join(texts, "\t"))
	}
	return w.Flush()
}

type cell struct{ column, text string }

// cellsOf flattens a message: a cell for each value that is set, under its path. Lists of messages show how many there are.
func cellsOf(path string, n *yaml.Node) []cell {
	switch n.Kind {
	case yaml.MappingNode:
		var out []cell
		for i := 0; i < len(n.Content); i += 2 {
			under := n.Content[i].Value
			if path != "" {
				under = path + "." + under
			}
			out = append(out, cellsOf(under, n.Content[i+1])...)
		}
		return out
	case yaml.SequenceNode:
		return listCell(path, n.Content)
	case yaml.ScalarNode:
		if n.Tag == "!!null" || n.Value == "" {
			return nil
		}
		return []cell{{path, oneLine(n.Value)}}
	default:
		return nil
	}
}

func listCell(path string, items []*yaml.Node) []cell {
	if len(items) == 0 {
		return nil
	}
	texts := make([]string, 0, len(items))
	for _, item := range items {
		if item.Kind != yaml.ScalarNode {
			return []cell{{path, fmt.Sprintf("(%d)", len(items))}}
		}
		texts = append(texts, oneLine(item.Value))
	}
	return []cell{{path, strings.Join(texts, ",")}}
}

// oneLine quotes text that would leave its cell.
func oneLine(text string) string {
	if quoted := strconv.Quote(text); strings.ContainsAny(text, "\t\n\r\v\f\x1b") {
		return quoted
	}
	return text
}

func fieldOf(n *yaml.Node, name string) *yaml.Node {
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}
