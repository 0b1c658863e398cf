#!/bin/sh
# SPDX-License-Identifier: MIT
# `quarry report`: the page, and what it is like in a browser (tests/browser/report.py). $QUARRY is the program.
. "$(dirname "$0")/cli.sh"
map=maps/qemu-512m-1node.boot.txt
trace=traces/k618-thp.kmt.zst
page=$tmp/page.html

# run STATUS VERB ARGS...
run() {
	want=$1
	shift
	"$quarry" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	got=$?
	ran="$*"
	check "$ran: status $got, expected $want" [ "$got" = "$want" ]
}
err() { check "$ran: error has \"$1\"" grep -qF -- "$1" "$tmp/err"; }
has() { check "$ran: the page has \"$1\"" grep -qF -- "$1" "$2"; }

run 0 report $trace --machine $map -o "$page"
check "report: nothing on standard output" [ ! -s "$tmp/out" ]
has '<title>k618-thp · Quarry</title>' "$page"
has 'default-src' "$page"
has '"cell_shift":0' "$page"
check "report: a few MiB at most" [ "$(wc -c <"$page")" -lt 4000000 ]
check "report: asks for nothing outside itself" [ "$(grep -ciE '<(script|link|img)[^>]* (src|href)="?(https?:|//)' "$page")" = 0 ]
run 0 report $trace --machine $map --title 'A <b>title</b>' --limit 20000 -o "$tmp/titled.html"
has '<title>A &lt;b&gt;title&lt;/b&gt; · Quarry</title>' "$tmp/titled.html"
run 0 report $trace --machine $map --limit 20000 -o -
check "report: - is standard output" [ "$(tail -n 1 "$tmp/out")" = '</html>' ]

# A user program has no events of the kernel: the page shows what it has.
run 0 report traces/user-sqlite.umt.zst --machine $map -o "$tmp/user.html"
has '"heap":{' "$tmp/user.html"

# Mistakes, and what is left behind.
run 2 report $trace --machine $map
err "where does the page go?"
run 2 report --machine $map -o "$tmp/none.html"
err "which TRACE?"
run 2 report "$tmp/nothing.kmt" --machine $map -o "$tmp/none.html"
err "nothing.kmt"
run 1 report $trace --machine $map --limit 1000 -o "$tmp/no/such/folder.html"
err "folder.html"
check "report: no page after an error" [ ! -e "$tmp/none.html" ]
zstd -qdc $trace | head -c 400000 >"$tmp/cut.kmt"
run 1 report "$tmp/cut.kmt" --machine $map -o "$tmp/cut.html"
has 'INCOMPLETE' "$tmp/cut.html"

# Single pictures, of a few events without Linux's side, which is read anew each time.
plain=$tmp/plain.kmt.zst
cp $trace "$plain"
for picture in map maptime orders unusable watermarks slabs waste; do
	run 0 report "$plain" --machine $map --limit 20000 --picture $picture --plot "$tmp/$picture.svg"
	cp "$tmp/$picture.svg" "$tmp/first.svg"
	run 0 replay "$plain" --machine $map --limit 20000 --picture $picture --plot "$tmp/$picture.svg"
	check "plot: $picture is the same again, byte for byte" cmp -s "$tmp/first.svg" "$tmp/$picture.svg"
	has "$plain on $map (511 MiB)" "$tmp/$picture.svg"
	has '20000 events, quarry' "$tmp/$picture.svg"
	check "plot: $picture has curves or squares" [ "$(grep -cE '^<(rect|polyline)' "$tmp/$picture.svg")" -gt 5 ]
done
if command -v python3 >/dev/null; then
	check "plot: the pictures are XML" python3 -c 'import sys, xml.dom.minidom
for name in sys.argv[1:]: xml.dom.minidom.parse(name)' "$tmp"/*.svg
fi
run 0 replay "$plain" --machine $map --limit 20000 --picture orders --plot "$tmp/orders.png"
check "plot: a PNG of 1440 x 800" \
	[ "$(od -An -tx1 -j1 -N23 "$tmp/orders.png" | tr -d ' \n')" = 504e470d0a1a0a0000000d49484452000005a000000320 ]
run 0 report "$trace" --machine $map --limit 1 --plot "$tmp/little.svg" --picture orders
run 2 replay $trace --machine $map --plot "$tmp/picture.pdf"
err "expected a name that ends in .svg or .png"
run 2 replay $trace --machine $map --picture nothing --plot "$tmp/picture.svg"
err "--picture=nothing: expected map, maptime"
run 1 replay $trace --machine $map --limit 1000 --plot "$tmp/no/picture.svg"
err "picture.svg"

# A machine that gets full, and a recording that would like to be markup.
run 0 report traces/g61-build.kmt.zst --machine maps/qemu-1g-1node.boot.txt --cpus 1 --cmdline mem=80M --limit 700000 -o "$tmp/full.html"
cat >"$tmp/evil.txt" <<'EOF'
# </script><b class=evil>
 sh 1 [000] 1.000001: kmem:kmem_cache_alloc: call_site=</script><script>window.evil++</script>+0x1 ptr=0xffff888000001000 name=</script><i>evil</i><!-- bytes_req=64 bytes_alloc=64 gfp_flags=GFP_KERNEL
 sh 1 [000] 1.000001: kmem:kmem_cache_alloc: call_site=</script><i>again</i> ptr=0xffff888000001000 name=</script><i>evil</i><!-- bytes_req=64 bytes_alloc=64 gfp_flags=GFP_KERNEL
 sh 1 [000] 1.000002: kmem:mm_page_alloc: page=0x100 pfn=0x100 order=0 migratetype=0 gfp_flags=GFP_KERNEL
EOF
run 0 report "$tmp/evil.txt" --machine $map --title '</title><b class=evil>' -o "$tmp/evil.html"
check "report: no markup out of a recording" [ "$(grep -cE '<b class=evil>|<i>evil|<script>window' "$tmp/evil.html")" = 0 ]

# The library behind the curves: without npm, and with one that brings something else, there are empty files.
mkdir "$tmp/bin"
for b in sh mkdir mktemp rm timeout sha512sum cut tar cp mv; do
	ln -s "$(command -v $b)" "$tmp/bin/$b"
done
without() {
	PATH=$tmp/bin scripts/uplot.sh "$tmp/uplot" >"$tmp/out" 2>"$tmp/err"
	check "uplot: $1 is no error" [ $? = 0 ]
	check "uplot: $1 is said" grep -qF "uPlot left out: $1" "$tmp/out"
	check "uplot: $1: empty files" [ -e "$tmp/uplot/uplot.js" -a ! -s "$tmp/uplot/uplot.js" ]
}
without 'there is no npm'
printf '#!/bin/sh\nexit 1\n' >"$tmp/bin/npm"
chmod +x "$tmp/bin/npm"
without 'npm could not get it'
printf '#!/bin/sh\necho nothing >uplot-1.6.32.tgz\n' >"$tmp/bin/npm"
without 'what npm got is not uPlot'

# In the browser. Debian's python3, for it has Debian's selenium.
if [ -x /usr/bin/chromium ] && [ -x /usr/bin/chromedriver ] && /usr/bin/python3 -c 'import selenium' 2>/dev/null; then
	HOME=$tmp SE_AVOID_STATS=true timeout 250 /usr/bin/python3 -B tests/browser/report.py \
		"$tmp/full.html" "$tmp/evil.html" build/browser >"$tmp/out" 2>"$tmp/err"
	got=$?
	grep -E '^(not )?ok - ' "$tmp/out"
	failed=$((failed + $(grep -c '^not ok - ' "$tmp/out")))
	check "report: the browser's test ran to its end" [ $got = 0 ]
else
	echo "skip - the page in a browser: chromium, chromium-driver or python3-selenium is not installed"
fi
[ "$failed" = 0 ]
