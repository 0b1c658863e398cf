#!/bin/bash
# SPDX-License-Identifier: MIT
# Faults, made one at a time in a copy of a source: a case of the explorer must find each.
# Usage: faults.sh EXPLORE COMPILER FLAGS...; the objects of EXPLORE lie in the folder explore beside its own.
set -eu
explore=$1
shift
objects=$(dirname "$(dirname "$explore")")/explore
all=$(find "$objects" -name '*.o')
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
found=0 nr=0

# fault SOURCE 'sed program' CASE WHAT
fault() {
	local object=$objects/${1%.c}.o log=$dir/log
	nr=$((nr + 1))
	sed "$2" "$1" >"$dir/fault.c"
	if cmp -s "$1" "$dir/fault.c"; then
		echo "not ok - $4: $1 has no such line"
		return
	fi
	"${@:5}" -w -I"$(dirname "$1")" -c -o "$dir/fault.o" "$dir/fault.c"
	"$5" -no-pie -o "$dir/explore" $(echo "$all" | grep -vx "$object") "$dir/fault.o"
	if "$dir/explore" "$3" >"$log" 2>&1; then
		echo "not ok - $4: $3 does not find it: $(grep -o '^ *[0-9]* executions' "$log")"
	else
		found=$((found + 1))
		echo "ok - $4: $3,$(grep -o ' [0-9]* executions' "$log"): $(grep -A1 'executions' "$log" | sed -n '2s/^ *//p' | cut -c1-70)"
	fi
}

fault src/base/lock.c '/void quarry_cpu_give_back/,$!{/while (quarry_load_acquire(&lock->busy) != 0)/,+1d}' \
	sheaf_take_drain 'a remote does not wait for the owner' "$@"
fault src/base/lock.c 's/if ((quarry_load_acquire(&lock->gate) & shut) == 0)/if (true)/' \
	sheaf_take_drain_fenced 'the owner goes in though the gate is shut' "$@"
fault src/base/lock.c '/^QUARRY_NOINLINE bool quarry_cpu_enter_gate/,/^}/s/quarry_full_fence()/(void)0/' \
	sheaf_take_drain_fenced 'the owner does not fence' "$@"
fault src/base/lock.c 's/q->port.barrier_cpus(q->port.ctx)/(void)0/' \
	sheaf_take_drain 'no barrier on all CPUs' "$@"
fault src/page/memmap.c 's/first = a->map == NULL;/first = true;/' \
	virgin 'two make the descriptors of an arena' "$@"
fault src/page/memmap.c 's/quarry_store_release(&a->pb\[i\].described/quarry_store_relaxed(\&a->pb[i].described/' \
	look_up 'descriptors are published without release' "$@"
fault src/page/zone.c '/^struct page \*zone_take_from/,/^}/{s/^\tpage = arena_take.*/&/;/arena_unlock/d;s/^\tpage = arena_take(q, a, order, type);/\tarena_unlock(q, a, pin);\n&/}' \
	summary 'an arena is unlocked too early' "$@"
fault src/page/alloc.c 's/\(pcp_slot(order) >= 0 && \)\(quarry_cpu_enter_common(&cpu->lock)\)/\1(\2, true)/' \
	sheaf_give_drain 'a CPU goes in though it is shut out' "$@"
fault src/page/arena.c 's/quarry_fetch_or_relaxed(word, (uint64_t)1 << (bit & 63));/quarry_store_relaxed(word, quarry_load_relaxed(word) | (uint64_t)1 << (bit \& 63));/' \
	arenas 'a bit of the summary is set by load and store' "$@"
fault src/page/alloc.c 's/return quarry_cmpxchg(&page->word, word, to);/return page_set_word(page, to), true;/' \
	references 'a reference is dropped by load and store' "$@"
fault src/page/nolock.c 's/while (!quarry_cmpxchg(&q->pages->aside, &head, self))/for (; quarry_store_relaxed(\&q->pages->aside, self), false;)/' \
	nolock_give 'a block is put aside by a plain store' "$@"
fault src/page/slowpath.c 's/if (page == NULL && s->q->concurrent)/if (false)/' \
	virgin 'a refusal for what another CPU has in its hands' "$@"
fault src/slab/slab.c 's/quarry_cmpxchg(slot, &expected, (const struct slab_range \*)r);/(void)expected, quarry_store_relaxed(slot, (const struct slab_range *)r);/' \
	slab_first 'a range is published without release' "$@"
fault src/slab/cache.c 's/^\tcache_wait_reapers(q, s);//' \
	cache_destroy_reap 'a cache goes while it is reaped' "$@"
fault src/slab/rcu.c '/^void quarry_rcu_read_lock/,/^}/s/quarry_full_fence()/(void)0/' \
	rcu_call 'a reader does not fence' "$@"
fault src/slab/rcu.c 's/if (word != 0 && word \/ 2 != rcu->epoch)/if (false)/' \
	rcu_call 'the epoch does not wait for readers' "$@"
fault src/slab/rcu.c 's/quarry_store_release(&c->rcu_word, (uint64_t)0)/quarry_store_relaxed(\&c->rcu_word, (uint64_t)0)/' \
	rcu_call 'a reader leaves without release' "$@"
fault src/slab/sheaf.c '/^static bool sheaf_provide_main/,/^}/s/if (slab_main(c)->cap == 0)/if (true)/' \
	irq_slab_first 'a sheaf takes the place of one that an interrupt brought' "$@"

fault src/slab/slab.c '/^void slab_release_chain/,/^}/s/if ((s->flags & SLAB_TYPESAFE_BY_RCU) != 0)/if (false)/' \
	rcu_typesafe 'a slab goes while readers look' "$@"
fault src/slab/rcu.c 's/if (p == NULL || p == QUARRY_ZERO_SIZE_PTR || rcu_gather/if (quarry_kvfree(q, p), true || rcu_gather/' \
	rcu_kvfree 'a block goes while readers look' "$@"
fault src/slab/listlru.c '/^bool quarry_list_lru_del(/,/^}/s/listlru_lock(q, l);/(void)0;/;/^bool quarry_list_lru_del(/,/^}/s/listlru_unlock(q, l);/(void)0;/' \
	lru_walk 'an item is taken off without the lock' "$@"
fault src/page/shrinker.c 's/if (shrinker->users == 0)/if (true)/' \
	shrinker_goes 'a shrinker goes while it runs' "$@"

echo "$found of $nr faults are found"
[ $found -eq $nr ]
