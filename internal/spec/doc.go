// Package spec knows what a WfSpec is: whether one may be put, which version it becomes, and what graph it
// forms.
//
// Put is the whole pipeline of PutWfSpec: name, variables, threads, nodes, edges, types, versions, equality.
// It is a function of the definitions and the request; it changes neither. Compile turns a stored WfSpec
// into the form that runs, once, to be shared by everything that runs it.
//
//	w, isNew, refusal := spec.Put(defs, request, nowNs)
//	graph := spec.Compile(w)
//
// Hostile input is bounded before it is looked at: see limits.go.
package spec
