// SPDX-License-Identifier: BSD-2-Clause

// A server and its clients in one program: prints how many bytes these got.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
)

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, r.URL.Path) }))
	var wg sync.WaitGroup
	var mu sync.Mutex
	n := 0
	for i := 0; i < 16; i++ {
		wg.Add(1)
		go func(i int) {
			defer wg.Done()
			for k := 0; k < 50; k++ {
				res, err := http.Get(fmt.Sprintf("http://%s/%d-%d", l.Addr(), i, k))
				if err != nil {
					panic(err)
				}
				b, _ := io.ReadAll(res.Body)
				res.Body.Close()
				mu.Lock()
				n += len(b)
				mu.Unlock()
			}
		}(i)
	}
	wg.Wait()
	fmt.Println("bytes", n)
}
