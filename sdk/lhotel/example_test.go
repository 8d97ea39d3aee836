package lhotel_test

import (
	"context"
	"log"

	lh "littlehorse/sdk/client"
	"littlehorse/sdk/lhotel"
	"littlehorse/sdk/worker"
)

func Example() {
	client, err := lh.Dial(context.Background(), lh.DefaultConfig(), lhotel.DialOption())
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	_ = worker.New(client, worker.Interceptor(lhotel.Interceptor(lhotel.ByRun())))
}
