//go:build noui

package web

import "embed"

//go:embed all:noui
var built embed.FS

const folder = "noui"
