// Package web is the dashboard as it was built from the sources beside it: only Go is needed to build a server with it,
// and make web to build it anew.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files of the dashboard. All but index.html and build-info.json are compressed, with .gz behind their names.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic("web: " + err.Error())
	}
	return files
}
