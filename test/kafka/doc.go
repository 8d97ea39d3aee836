// Package kafka holds the tests of the real binary over real brokers. `make kafka` starts one from the published package
// and names it in LH_TEST_KAFKA.
package kafka
