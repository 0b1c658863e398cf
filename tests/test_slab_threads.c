/* SPDX-License-Identifier: MIT */
/* Slab caches under real threads, each playing its own CPU. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>

#include <cmocka.h>

#include <quarry/posix.h>

#define MIB ((size_t)1 << 20)
#define THREADS 4
#define CPUS (THREADS + 2u) /* one that changes the machine, and one that comes and goes */
#define SPARE_CPU (CPUS - 1)
#define OPS 12000
#define OWN 400   /* objects a thread holds */
#define SLOTS 256 /* places where threads leave objects for each other */

static atomic_uint reports;

static void take_report(void *ctx, const char *line)
{
	(void)ctx;
	atomic_fetch_add(&reports, 1);
	if (strstr(line, ": kept") == NULL) /* what yard_work() provokes */
		fprintf(stderr, "%s\n", line);
}

static void print_fault(void *ctx, const char *text, size_t len)
{
	(void)ctx;
	print_error("%.*s", (int)len, text);
}

static const struct quarry_out faults = {print_fault, NULL};

/* With @bytes at first, and room for up to @most. Where there are nodes, slabs go and are coloured as SLAB did it. */
static struct quarry *machine(size_t most, size_t bytes, unsigned int nodes)
{
	struct quarry_posix_options options = {
		.ram_bytes = most, .concurrent = true, .report = take_report};
	struct quarry_boot_params params = {.nr_cpus = CPUS,
					    .max_hotplug_phys = most,
					    .slab_colour = nodes > 1,
					    .slab_free_limit = nodes > 1};
	struct quarry *q = quarry_posix_new(&options);

	assert_non_null(q);
	for (unsigned int i = 0; i < nodes; i++)
		assert_int_equal(quarry_memblock_add_node(q, i * (bytes / nodes), bytes / nodes,
							  (int)i, MEMBLOCK_NONE),
				 0);
	assert_int_equal(quarry_boot(q, &params), 0);
	atomic_store(&reports, 0);
	return q;
}

/* An object carries its size and a check value in its first and last bytes. */
struct object {
	uint32_t size;
	uint32_t check;
};

struct shared {
	struct quarry *q;
	struct kmem_cache *cache;
	_Atomic(struct object *) slot[SLOTS];
	atomic_ulong failed, damaged, stop;
	uint64_t told; /* bytes that watch() told the host of */
};

struct worker {
	struct shared *sh;
	unsigned int cpu;
	uint64_t seed;
	struct object *own[OWN];
};

static uint32_t random_below(struct worker *w, uint32_t below)
{
	w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((w->seed >> 33) % below);
}

static struct object *take(struct worker *w)
{
	static const uint32_t sizes[] = {8, 60, 200, 512, 1500, 4000};
	uint32_t size = sizes[random_below(w, 6)];
	struct object *o;

	if (random_below(w, 2) != 0) {
		size = 320;
		o = quarry_kmem_cache_alloc(w->sh->q, w->sh->cache, GFP_ATOMIC);
	} else {
		o = quarry_kmalloc(w->sh->q, size, GFP_ATOMIC);
	}
	if (o == NULL) {
		atomic_fetch_add(&w->sh->failed, 1);
		return NULL;
	}
	memset(o, 0x40 | (int)(size & 15), size);
	o->size = size;
	o->check = ~size;
	return o;
}

static void give(struct worker *w, struct object *o)
{
	const unsigned char *b = (const unsigned char *)o;

	if (o == NULL)
		return;
	if (o->check != ~o->size)
		atomic_fetch_add(&w->sh->damaged, 1);
	for (uint32_t i = sizeof(*o); i < o->size; i++)
		if (b[i] != (0x40 | (o->size & 15))) {
			atomic_fetch_add(&w->sh->damaged, 1);
			break;
		}
	quarry_kfree(w->sh->q, o);
}

static void *work(void *arg)
{
	struct worker *w = arg;

	quarry_posix_set_cpu(w->cpu);
	for (unsigned int i = 0; i < OPS; i++) {
		struct object **mine = &w->own[random_below(w, OWN)];

		if (random_below(w, 3) == 0) { /* exchange with whoever left something */
			*mine = atomic_exchange(&w->sh->slot[random_below(w, SLOTS)], *mine);
		} else if (*mine == NULL) {
			*mine = take(w);
		} else {
			give(w, *mine);
			*mine = NULL;
		}
	}
	for (unsigned int i = 0; i < OWN; i++)
		give(w, w->own[i]);
	return NULL;
}

/* What the host is told of it throws away: whoever had an object there would find that. */
static int throw_away(void *ctx, const struct quarry_range *ranges, unsigned int nr)
{
	struct shared *sh = ctx;

	for (unsigned int i = 0; i < nr; i++) {
		memset(quarry_address(sh->q, ranges[i].start), 0xdd, ranges[i].size);
		sh->told += ranges[i].size;
	}
	return 0;
}

static void *watch(void *arg)
{
	struct shared *sh = arg;
	const struct quarry_reporting_dev dev = {.report = throw_away, .ctx = sh};
	struct quarry_cache_info info;

	quarry_posix_set_cpu(THREADS);
	if (quarry_page_reporting_register(sh->q, &dev) != 0)
		atomic_fetch_add(&sh->damaged, 1);
	for (unsigned int i = 0; !atomic_load(&sh->stop); i++) {
		quarry_kmem_cache_info(sh->q, sh->cache, &info);
		if (i % 8 == 0)
			(void)quarry_slab_reporting_run(sh->q, i % 16 == 0 ? sh->cache : NULL);
		sched_yield();
	}
	quarry_page_reporting_unregister(sh->q);
	return NULL;
}

static void run(size_t bytes, unsigned int nodes, bool may_fail)
{
	static struct worker w[THREADS];
	static struct shared sh;
	pthread_t thread[THREADS], watcher;
	struct kmem_cache *s;

	memset(&sh, 0, sizeof(sh));
	sh.q = machine(bytes, bytes, nodes);
	sh.cache = quarry_kmem_cache_create(sh.q, "shared", 320, SLAB_NO_MERGE, NULL);
	assert_non_null(sh.cache);
	for (unsigned int i = 0; i < THREADS; i++) {
		memset(&w[i], 0, sizeof(w[i]));
		w[i].sh = &sh;
		w[i].cpu = i;
		w[i].seed = i + 1;
		assert_int_equal(pthread_create(&thread[i], NULL, work, &w[i]), 0);
	}
	assert_int_equal(pthread_create(&watcher, NULL, watch, &sh), 0);
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	atomic_store(&sh.stop, 1);
	pthread_join(watcher, NULL);
	quarry_posix_set_cpu(0);
	for (unsigned int i = 0; i < SLOTS; i++)
		give(&w[0], atomic_load(&sh.slot[i]));
	assert_int_equal(sh.damaged, 0);
	assert_int_equal(atomic_load(&reports), 0);
	if (!may_fail)
		assert_int_equal(sh.failed, 0);
	assert_int_equal(quarry_check(sh.q, &faults), 0);
	for (s = quarry_kmem_cache_next(sh.q, NULL); s != NULL; s = quarry_kmem_cache_next(sh.q, s))
		assert_int_equal(quarry_kmem_cache_quiesce(sh.q, s), 0);
	assert_int_equal(quarry_kmem_cache_destroy(sh.q, sh.cache), 0);
	assert_int_equal(quarry_check(sh.q, &faults), 0);
	quarry_posix_delete(sh.q);
}

static void test_S7_S11_S13_threads_free_each_others_objects(void **state)
{
	(void)state;
	run(64 * MIB, 1, false);
}

static void test_S8_S14_threads_on_two_nodes(void **state)
{
	(void)state;
	run(64 * MIB, 2, false);
}

static void test_S10_threads_out_of_memory(void **state)
{
	(void)state;
	run(2 * MIB, 1, true);
}

/* Caches come and go on each CPU while others do the same. */
static void *create_and_destroy(void *arg)
{
	struct worker *w = arg;
	struct quarry *q = w->sh->q;

	quarry_posix_set_cpu(w->cpu);
	for (unsigned int i = 0; i < 200; i++) {
		struct kmem_cache *s =
			quarry_kmem_cache_create(q, "brief", 64 + 8 * w->cpu, SLAB_NO_MERGE, NULL);
		void *p[70];

		if (s == NULL) {
			atomic_fetch_add(&w->sh->failed, 1);
			continue;
		}
		for (unsigned int k = 0; k < 70; k++)
			p[k] = quarry_kmem_cache_alloc(q, s, GFP_ATOMIC);
		for (unsigned int k = 0; k < 70; k++)
			quarry_kmem_cache_free(q, s, p[k]);
		if (quarry_kmem_cache_destroy(q, s) != 0)
			atomic_fetch_add(&w->sh->damaged, 1);
	}
	return NULL;
}

static void test_S18_threads_create_and_destroy(void **state)
{
	static struct worker w[THREADS];
	static struct shared sh;
	pthread_t thread[THREADS];

	(void)state;
	memset(&sh, 0, sizeof(sh));
	sh.q = machine(16 * MIB, 16 * MIB, 1);
	for (unsigned int i = 0; i < THREADS; i++) {
		w[i].sh = &sh;
		w[i].cpu = i;
		assert_int_equal(pthread_create(&thread[i], NULL, create_and_destroy, &w[i]), 0);
	}
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	quarry_posix_set_cpu(0);
	assert_int_equal(sh.failed, 0);
	assert_int_equal(sh.damaged, 0);
	assert_int_equal(atomic_load(&reports), 0);
	assert_int_equal(quarry_check(sh.q, &faults), 0);
	quarry_posix_delete(sh.q);
}

/* Objects go round by one CPU's sheaf while the table of caches grows: nothing but the table tells of it. */
static void *free_and_take(void *arg)
{
	struct worker *w = arg;
	struct quarry *q = w->sh->q;

	quarry_posix_set_cpu(w->cpu);
	for (unsigned int i = 0; i < 20000; i++)
		quarry_kfree(q, quarry_kmalloc(q, 64, GFP_ATOMIC));
	return NULL;
}

static void test_S17_free_while_the_table_of_caches_grows(void **state)
{
	static struct worker w;
	static struct shared sh;
	struct kmem_cache *s[200];
	pthread_t thread;

	(void)state;
	memset(&sh, 0, sizeof(sh));
	sh.q = machine(16 * MIB, 16 * MIB, 1);
	w.sh = &sh;
	w.cpu = 1;
	quarry_posix_set_cpu(0);
	assert_int_equal(pthread_create(&thread, NULL, free_and_take, &w), 0);
	for (unsigned int i = 0; i < 200; i++)
		s[i] = quarry_kmem_cache_create(sh.q, "many", 64, SLAB_NO_MERGE, NULL);
	pthread_join(thread, NULL);
	for (unsigned int i = 0; i < 200; i++) {
		assert_non_null(s[i]);
		assert_int_equal(quarry_kmem_cache_destroy(sh.q, s[i]), 0);
	}
	assert_int_equal(atomic_load(&reports), 0);
	assert_int_equal(quarry_check(sh.q, &faults), 0);
	quarry_posix_delete(sh.q);
}

/* Two threads make, use and drop caches that merge into each other. */
struct sharer {
	struct quarry *q;
	unsigned int cpu, refused;
};

static void *share_cache(void *arg)
{
	struct sharer *sh = arg;

	quarry_posix_set_cpu(sh->cpu);
	for (int i = 0; i < 2000; i++) {
		struct kmem_cache *s =
			quarry_kmem_cache_create(sh->q, sh->cpu == 0 ? "a" : "b", 200, 0, NULL);
		void *obj[8];
		int n = 0;

		if (s == NULL) {
			sh->refused++;
			continue;
		}
		while (n < 8 && (obj[n] = quarry_kmem_cache_alloc(sh->q, s, GFP_KERNEL)) != NULL)
			n++;
		while (n > 0)
			quarry_kmem_cache_free(sh->q, s, obj[--n]);
		sh->refused += quarry_kmem_cache_destroy(sh->q, s) != 0;
	}
	return NULL;
}

static void test_S5_destroy_against_merging_create(void **state)
{
	struct quarry *q = machine(64 * MIB, 64 * MIB, 1);
	struct sharer sharers[2] = {{q, 0, 0}, {q, 1, 0}};
	pthread_t threads[2];

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, share_cache, &sharers[i]), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	quarry_posix_set_cpu(0);
	assert_int_equal(sharers[0].refused + sharers[1].refused, 0);
	assert_int_equal(atomic_load(&reports), 0);
	assert_int_equal(quarry_check(q, &faults), 0);
	quarry_posix_delete(q);
}

/* ---- reaping, pressure and moving, while others work and caches come and go ---- */

struct thing;

/* Where a thread keeps a thing; busy guards it, also against being moved. */
struct place {
	atomic_flag busy;
	struct thing *thing;
};

struct thing {
	_Atomic(struct place *) user; /* NULL in a free one */
	uint64_t value;
	unsigned char rest[80];
};

#define THINGS 600u

struct yard {
	struct quarry *q;
	struct kmem_cache *movable, *plain;
	struct place place[THREADS][THINGS];
	atomic_ulong failed, damaged, moved, kept, offlined, working;
};

static struct yard yard;

static void thing_ctor(void *object)
{
	memset(object, 0, sizeof(struct thing));
}

static bool place_trylock(struct place *p)
{
	return !atomic_flag_test_and_set_explicit(&p->busy, memory_order_acquire);
}

static void place_unlock(struct place *p)
{
	atomic_flag_clear_explicit(&p->busy, memory_order_release);
}

static void place_lock(struct place *p)
{
	while (!place_trylock(p))
		sched_yield();
}

/* Leaves the places of those that will be moved locked: their owners wait. Never waits itself. */
static void *thing_isolate(struct kmem_cache *s, void **objects, unsigned int nr)
{
	(void)s;
	for (unsigned int i = 0; i < nr; i++) {
		struct thing *t = objects[i];
		struct place *p = atomic_load(&t->user);

		objects[i] = NULL;
		if (p == NULL || !place_trylock(p))
			continue;
		if (p->thing == t)
			objects[i] = t;
		else
			place_unlock(p);
	}
	return NULL;
}

static void thing_migrate(struct kmem_cache *s, void **objects, unsigned int nr, int nid,
			  void *private)
{
	(void)private;
	for (unsigned int i = 0; i < nr; i++) {
		struct thing *t = objects[i], *new;
		struct place *p;

		if (t == NULL)
			continue;
		p = atomic_load(&t->user);
		new = quarry_kmem_cache_alloc_node(yard.q, s, GFP_ATOMIC, nid);
		if (new != NULL) {
			new->value = t->value;
			p->thing = new;
			atomic_store(&new->user, p);
			atomic_store(&t->user, NULL);
			quarry_kmem_cache_free(yard.q, s, t);
			atomic_fetch_add(&yard.moved, 1);
		}
		place_unlock(p);
	}
}

/* Puts a thing there, or takes it away, if there is none, or one. */
static void place_set(struct place *p, uint64_t value, bool put)
{
	struct thing *t;

	place_lock(p);
	t = p->thing;
	if ((t == NULL) != put) {
		place_unlock(p);
		return;
	}
	if (!put) {
		if (t->value != value || atomic_load(&t->user) != p)
			atomic_fetch_add(&yard.damaged, 1);
		atomic_store(&t->user, NULL);
		p->thing = NULL;
		quarry_kmem_cache_free(yard.q, yard.movable, t);
	} else {
		t = quarry_kmem_cache_alloc(yard.q, yard.movable, GFP_ATOMIC);
		if (t == NULL) {
			atomic_fetch_add(&yard.failed, 1);
		} else {
			t->value = value;
			p->thing = t;
			atomic_store(&t->user, p);
		}
	}
	place_unlock(p);
}

/* A cache that comes and goes; now and then somebody still has an object when it should go. */
static void brief_cache(struct quarry *q, bool keep)
{
	struct kmem_cache *s = quarry_kmem_cache_create(q, "brief", 72, SLAB_NO_MERGE, NULL);
	void *o = s != NULL ? quarry_kmem_cache_alloc(q, s, GFP_ATOMIC) : NULL;

	if (o == NULL) {
		atomic_fetch_add(&yard.failed, 1);
		return;
	}
	if (keep) {
		atomic_fetch_add(&yard.kept, 1);
		if (quarry_kmem_cache_destroy(q, s) != -QUARRY_EBUSY)
			atomic_fetch_add(&yard.damaged, 1);
	}
	quarry_kmem_cache_free(q, s, o);
	if (quarry_kmem_cache_destroy(q, s) != 0)
		atomic_fetch_add(&yard.damaged, 1);
}

static void *yard_work(void *arg)
{
	struct worker *w = arg;
	struct quarry *q = yard.q;

	quarry_posix_set_cpu(w->cpu);
	for (unsigned int i = 0; i < OPS; i++) {
		unsigned int k = random_below(w, THINGS);
		void *p = quarry_kmem_cache_alloc(q, yard.plain, GFP_ATOMIC);

		place_set(&yard.place[w->cpu][k], k, i / 1500 % 2 == 0); /* full, then sparse */
		quarry_kmem_cache_free(q, yard.plain, p);
		if (i % 500 == 499 && quarry_slab_reap(q, w->cpu) != 0)
			atomic_fetch_add(&yard.failed, 1);
		if (w->cpu == 1 && i % 2000 == 1999)
			quarry_drop_slab(q);
		if (w->cpu == 0 && i % 1000 == 999)
			quarry_kmem_cache_defrag(q, yard.movable, QUARRY_NO_NODE);
		if (w->cpu == 2 && i % 100 == 99)
			brief_cache(q, i % 1000 == 999);
		if (w->cpu == 3 && i % 150 == 149) {
			quarry_kmem_cache_shrink(q, yard.movable);
			quarry_kmem_cache_shrink(q, yard.plain);
		}
	}
	atomic_fetch_sub(&yard.working, 1);
	return NULL;
}

/* One more step: memory that boot did not have comes or goes. */
static void change_memory(struct quarry *q, pfn_t start)
{
	int err = 0;

	switch (quarry_memory_block_state(q, start)) {
	case QUARRY_BLOCK_ABSENT:
		err = quarry_add_memory(q, 0, start << QUARRY_PAGE_SHIFT,
					QUARRY_MEMORY_BLOCK_BYTES);
		break;
	case QUARRY_BLOCK_OFFLINE:
		err = quarry_online_pages(q, start, QUARRY_MEMORY_BLOCK_PAGES,
					  QUARRY_ONLINE_KERNEL);
		break;
	default:
		err = quarry_offline_pages(q, start, QUARRY_MEMORY_BLOCK_PAGES);
		atomic_fetch_add(&yard.offlined, err == 0);
		if (err == -QUARRY_EBUSY) /* somebody has objects there */
			err = 0;
	}
	if (err != 0)
		atomic_fetch_add(&yard.damaged, 1);
}

/* The CPU that comes and goes is played by who changes the machine; it leaves with full sheaves. */
static void change_cpu(struct quarry *q, unsigned int cpu)
{
	void *p[40];

	if (quarry_cpu_online(q, SPARE_CPU) != 0)
		atomic_fetch_add(&yard.damaged, 1);
	quarry_posix_set_cpu(SPARE_CPU);
	for (unsigned int i = 0; i < 40; i++)
		p[i] = quarry_kmem_cache_alloc(q, yard.plain, GFP_ATOMIC);
	for (unsigned int i = 0; i < 40; i++)
		quarry_kmem_cache_free(q, yard.plain, p[i]);
	quarry_posix_set_cpu(cpu);
	if (quarry_cpu_offline(q, SPARE_CPU) != 0)
		atomic_fetch_add(&yard.damaged, 1);
}

static void *yard_change(void *arg)
{
	struct worker *w = arg;

	quarry_posix_set_cpu(w->cpu);
	if (quarry_cpu_offline(yard.q, SPARE_CPU) != 0)
		atomic_fetch_add(&yard.damaged, 1);
	for (unsigned int i = 0; atomic_load(&yard.working) != 0 || i < 20; i++) {
		change_memory(yard.q, (1 + random_below(w, 2)) * QUARRY_MEMORY_BLOCK_PAGES);
		change_cpu(yard.q, w->cpu);
	}
	return NULL;
}

/* Nobody is at work: every object of @s that is not in a sheaf has an owner. */
static void assert_live(struct kmem_cache *s, unsigned long live)
{
	struct quarry_cache_info info;

	quarry_kmem_cache_info(yard.q, s, &info);
	assert_int_equal(info.active_objs, live);
	assert_int_equal(info.allocs - info.frees, live);
}

static void yard_run(unsigned int nodes, bool change)
{
	struct kmem_cache_args args = {.ctor = thing_ctor};
	static struct worker w[THREADS + 1];
	unsigned int threads = THREADS + (change ? 1 : 0);
	pthread_t thread[THREADS + 1];
	unsigned long live = 0;

	memset(&yard, 0, sizeof(yard));
	yard.q = machine(change ? 3 * QUARRY_MEMORY_BLOCK_BYTES : 64 * MIB,
			 change ? QUARRY_MEMORY_BLOCK_BYTES : 64 * MIB, nodes);
	yard.movable = quarry_kmem_cache_create(yard.q, "movable", sizeof(struct thing), 0, &args);
	yard.plain = quarry_kmem_cache_create(yard.q, "plain", 200, SLAB_NO_MERGE, NULL);
	assert_true(yard.movable != NULL && yard.plain != NULL);
	assert_int_equal(quarry_kmem_cache_setup_mobility(yard.q, yard.movable, thing_isolate,
							  thing_migrate),
			 0);
	yard.working = THREADS;
	for (unsigned int i = 0; i < threads; i++) {
		memset(&w[i], 0, sizeof(w[i]));
		w[i].cpu = i;
		w[i].seed = i + 77;
		assert_int_equal(pthread_create(&thread[i], NULL,
						i < THREADS ? yard_work : yard_change, &w[i]),
				 0);
	}
	for (unsigned int i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	quarry_posix_set_cpu(0);
	assert_int_equal(quarry_check(yard.q, &faults), 0);
	for (unsigned int i = 0; i < THREADS; i++)
		for (unsigned int k = 0; k < THINGS; k++)
			live += yard.place[i][k].thing != NULL;
	assert_live(yard.movable, live);
	assert_live(yard.plain, 0);
	for (unsigned int i = 0; i < THREADS; i++)
		for (unsigned int k = 0; k < THINGS; k++)
			if (yard.place[i][k].thing != NULL)
				place_set(&yard.place[i][k], k, false);
	assert_int_equal(atomic_load(&yard.failed), 0);
	assert_int_equal(atomic_load(&yard.damaged), 0);
	assert_true(atomic_load(&yard.moved) > 0);
	assert_true(!change || atomic_load(&yard.offlined) > 0);
	assert_true(atomic_load(&yard.kept) > 0);
	assert_int_equal(atomic_load(&reports), atomic_load(&yard.kept));
	assert_int_equal(quarry_kmem_cache_destroy(yard.q, yard.movable), 0);
	assert_int_equal(quarry_kmem_cache_destroy(yard.q, yard.plain), 0);
	assert_int_equal(quarry_check(yard.q, &faults), 0);
	quarry_posix_delete(yard.q);
}

static void test_S16_S18_reap_shrink_move_and_destroy_under_load(void **state)
{
	(void)state;
	yard_run(1, false);
}

static void test_S14_S16_the_same_on_two_nodes(void **state)
{
	(void)state;
	yard_run(2, false);
}

static void test_S16_S18_the_same_while_memory_and_CPUs_come_and_go(void **state)
{
	(void)state;
	yard_run(1, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_S7_S11_S13_threads_free_each_others_objects),
		cmocka_unit_test(test_S8_S14_threads_on_two_nodes),
		cmocka_unit_test(test_S10_threads_out_of_memory),
		cmocka_unit_test(test_S18_threads_create_and_destroy),
		cmocka_unit_test(test_S17_free_while_the_table_of_caches_grows),
		cmocka_unit_test(test_S5_destroy_against_merging_create),
		cmocka_unit_test(test_S16_S18_reap_shrink_move_and_destroy_under_load),
		cmocka_unit_test(test_S14_S16_the_same_on_two_nodes),
		cmocka_unit_test(test_S16_S18_the_same_while_memory_and_CPUs_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
