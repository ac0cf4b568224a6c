#!/bin/sh
# The multiplexers' whole table: rounds (ROUNDS, 3) of what varies, so that rivals
# are measured beside each other, and one turn of what needs no more. It takes
# half a minute a round and a minute for the rest. Run it in this directory:
#
#	GOWORK=off go test -c -o rivals.test . && go -C .. run ./cmd/record -C rivals -o results/mux.txt ./mux.sh
set -eu
for round in $(seq "${ROUNDS:-3}"); do
	./rivals.test -test.run '^$' -test.bench 'Mux(Bulk|Echo|Open)' -test.benchtime 80ms
done
./rivals.test -test.run '^$' -test.bench 'Mux(Idle|Session|Slow|Link)' -test.benchtime 1x
