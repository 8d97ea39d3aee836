//go:build !noui

package web

import "embed"

//go:embed all:dist
var built embed.FS

const folder = "dist"
