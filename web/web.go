// Package web is the dashboard as it was built from the sources beside it: only Go is needed to build a server with it,
// and make web to build it anew. With the build tag noui it is one page that says that there are no others.
package web

import "io/fs"

// Files of the dashboard. All but index.html and build-info.json are compressed, with .gz behind their names.
func Files() fs.FS {
	files, err := fs.Sub(built, folder)
	if err != nil {
		panic("web: " + err.Error())
	}
	return files
}
