# SPDX-License-Identifier: MIT
# Every source of the library. Embedders include this file; paths are relative to it.
QUARRY_SRCS := \
	src/base/format.c \
	src/base/report.c \
	src/base/lock.c \
	src/base/inject.c \
	src/base/places.c \
	src/base/quarry.c \
	src/boot/memblock.c \
	src/boot/memblock_alloc.c \
	src/boot/memblock_bound.c \
	src/boot/reserve_mem.c \
	src/boot/memtest.c \
	src/boot/bootmem.c \
	src/boot/bootmem_bits.c \
	src/boot/check.c \
	src/page/memmap.c \
	src/page/pageblock.c \
	src/page/arena.c \
	src/page/guard.c \
	src/page/zone.c \
	src/page/zone_mark.c \
	src/page/watermark.c \
	src/page/sysctl.c \
	src/page/zonelist.c \
	src/page/meta.c \
	src/page/hardened.c \
	src/page/info.c \
	src/page/fallback.c \
	src/page/highatomic.c \
	src/page/pcp.c \
	src/page/late.c \
	src/page/alloc.c \
	src/page/slowpath.c \
	src/page/refuse.c \
	src/page/bulk.c \
	src/page/nolock.c \
	src/page/task.c \
	src/page/shrinker.c \
	src/page/reclaim.c \
	src/page/event.c \
	src/page/mempolicy.c \
	src/page/pageinfo.c \
	src/page/prep.c \
	src/page/fault.c \
	src/page/pageowner.c \
	src/page/warn.c \
	src/page/boot.c \
	src/page/release.c \
	src/page/hotplug.c \
	src/page/offline.c \
	src/page/cpu.c \
	src/page/hwpoison.c \
	src/page/reporting.c \
	src/page/accept.c \
	src/page/mover.c \
	src/page/isolate.c \
	src/page/contig.c \
	src/page/cma.c \
	src/page/vacate.c \
	src/page/fragmentation.c \
	src/page/compaction.c \
	src/page/check.c \
	src/firmware/firmware.c \
	src/firmware/e820.c \
	src/firmware/multiboot2.c \
	src/firmware/limine.c \
	src/firmware/efi.c \
	src/firmware/fdt.c \
	src/firmware/fdt_memory.c \
	src/firmware/fdt_cpus.c \
	src/firmware/acpi.c \
	src/firmware/srat.c \
	src/slab/cache.c \
	src/slab/slab.c \
	src/slab/flush.c \
	src/slab/depot.c \
	src/slab/sheaf.c \
	src/slab/drain.c \
	src/slab/reap.c \
	src/slab/holes.c \
	src/slab/kmalloc.c \
	src/slab/realloc.c \
	src/slab/kvmalloc.c \
	src/slab/mempool.c \
	src/slab/buckets.c \
	src/slab/prefill.c \
	src/slab/usercopy.c \
	src/slab/listlru.c \
	src/slab/rcu.c \
	src/slab/debug.c \
	src/slab/debug_rules.c \
	src/slab/fail.c \
	src/slab/profile.c \
	src/slab/check.c \
	src/diag/diag.c \
	src/diag/proc.c \
	src/diag/vmstat.c \
	src/diag/meminfo.c \
	src/diag/owner.c \
	src/diag/show.c \
	src/diag/check.c \
	src/quarry.c

# In place of those with -DQUARRY_TINY=1: the library for machines of a few MiB.
QUARRY_TINY_SRCS := \
	src/base/format.c \
	src/base/report.c \
	src/base/lock.c \
	src/base/quarry.c \
	src/boot/memblock.c \
	src/boot/memblock_alloc.c \
	src/boot/check.c \
	src/page/memmap.c \
	src/page/pageblock.c \
	src/page/arena.c \
	src/page/tiny.c \
	src/page/tiny_boot.c \
	src/page/check.c \
	src/slab/cache.c \
	src/slab/slab.c \
	src/slab/kmalloc.c \
	src/slab/direct.c \
	src/slab/check.c \
	src/diag/diag.c \
	src/diag/proc.c \
	src/diag/check.c \
	src/quarry.c

# The self-test, freestanding too: selftest.h.
QUARRY_SELFTEST_SRCS := \
	selftest/selftest.c \
	selftest/scratch.c \
	selftest/bootmem.c \
	selftest/memblock.c \
	selftest/pages.c \
	selftest/zones.c \
	selftest/slabs.c \
	selftest/layers.c \
	selftest/pressure.c \
	selftest/moving.c \
	selftest/numa.c \
	selftest/debug.c \
	selftest/machines.c \
	selftest/stress.c

# The posix port: a memory system inside a process.
QUARRY_POSIX_SRCS := port/posix/posix.c port/posix/watch.c port/posix/guard.c

# Linux's names: the default instance behind include/linux.
QUARRY_LINUX_SRCS := linux/default.c linux/pages.c linux/shrinker.c linux/reporting.c linux/moving.c \
	linux/setup.c linux/of_fdt.c linux/resource.c

# The quarry program.
QUARRY_CLI_SRCS := \
	cli/main.c \
	cli/util.c \
	cli/newfile.c \
	cli/progress.c \
	cli/map.c \
	cli/maplines.c \
	cli/map_firmware.c \
	cli/maptable.c \
	cli/fdt.c \
	cli/dtc.c \
	cli/cmdline.c \
	cli/policy.c \
	cli/machine.c \
	cli/machine_nodes.c \
	cli/machine_reserve.c \
	cli/boot.c \
	cli/input.c \
	cli/gfp.c \
	cli/trace.c \
	cli/section.c \
	cli/kmt.c \
	cli/kmt_history.c \
	cli/umt.c \
	cli/umtwrite.c \
	cli/columns.c \
	cli/output.c \
	cli/perfscript.c \
	cli/linuxfacts.c \
	cli/engine.c \
	cli/engine_ops.c \
	cli/engine_blocks.c \
	cli/engine_frames.c \
	cli/bigtable.c \
	cli/collisions.c \
	cli/engine_collide.c \
	cli/engine_owners.c \
	cli/engine_places.c \
	cli/fate.c \
	cli/population.c \
	cli/population_slabs.c \
	cli/heap.c \
	cli/heap_report.c \
	cli/refusal.c \
	cli/pagecache.c \
	cli/pressure.c \
	cli/pressure_report.c \
	cli/squeeze.c \
	cli/session.c \
	cli/replay.c \
	cli/history.c \
	cli/history_map.c \
	cli/pack.c \
	cli/report_data.c \
	cli/report_html.c \
	cli/webassets.c \
	cli/compare.c \
	cli/convert.c \
	cli/convert_text.c \
	cli/kmtwrite.c \
	cli/trace_keep.c \
	cli/record.c \
	cli/record_host.c \
	cli/compare_run.c \
	cli/top.c \
	cli/top_read.c \
	cli/top_draw.c \
	cli/top_perf.c \
	cli/plot.c \
	cli/plot_canvas.c \
	cli/report.c \
	cli/faithful.c \
	cli/views.c \
	cli/selftest.c
