// Package logtest is what every log must do, told as tests: call Run with a medium that can crash.
package logtest
