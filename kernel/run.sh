#!/bin/sh
# SPDX-License-Identifier: MIT
# Boots the demo kernel in QEMU, 4 CPUs and 512 MiB in two nodes, and shows what it says.
# Usage: run.sh FOLDER ARCH [WORD...]; the words are the kernel's command line. With "counts" there is one CPU with
# 1 GiB, and a nanosecond of its time is an instruction.
# Status: 0, the kernel ended with success and said so; 1, it did not; 2, usage; 124, it took longer than LIMIT seconds (90).
set -u
if [ $# -lt 2 ]; then
	echo "usage: run.sh FOLDER x86_64|aarch64|riscv64 [WORD...]" >&2
	exit 2
fi
dir=$1 arch=$2
shift 2
words="$*"

case $arch in
x86_64)
	set -- qemu-system-x86_64 -M q35 -cpu max -kernel "$dir/kernel.elf" -device isa-debug-exit,iobase=0xf4,iosize=4
	pass=33 ;;
aarch64)
	set -- qemu-system-aarch64 -M virt -cpu cortex-a57 -kernel "$dir/kernel.bin" \
		-semihosting-config enable=on,target=native
	pass=0 ;;
riscv64)
	set -- qemu-system-riscv64 -M virt -kernel "$dir/kernel.elf"
	pass=0 ;;
*)
	echo "run.sh: no such architecture: $arch" >&2
	exit 2 ;;
esac
case " $words " in
*" counts "*)
	set -- "$@" -m 1G -smp 1 -icount shift=0,sleep=off -accel tcg,thread=single ;;
*)
	set -- "$@" -m 512M -smp 4 -accel tcg,thread=multi \
		-object memory-backend-ram,id=m0,size=256M -object memory-backend-ram,id=m1,size=256M \
		-numa node,nodeid=0,memdev=m0,cpus=0-1 -numa node,nodeid=1,memdev=m1,cpus=2-3 \
		-numa dist,src=0,dst=1,val=20 ;;
esac

log=$(mktemp)
trap 'rm -f "$log"' EXIT
{
	timeout "${LIMIT:-90}" "$@" -nodefaults -display none -serial stdio -no-reboot -append "$words" </dev/null 2>&1
	echo "$?" >"$log"
} | sed -u 's/\r$//' | tee "$log.text"
status=$(cat "$log")
said=$(grep -c '^PASS: ' "$log.text")
rm -f "$log.text"
[ "$status" -ne 124 ] || { echo "run.sh: $arch took longer than ${LIMIT:-90} s" >&2; exit 124; }
[ "$status" -eq "$pass" ] && [ "$said" -eq 1 ] && exit 0
echo "run.sh: $arch ended with status $status, expected $pass and a line PASS" >&2
exit 1
