/* SPDX-License-Identifier: MIT */
/*
 * The page of `quarry report`. D is the data of cli/report_data.c; H is it unpacked. One state, S, says what
 * is looked at: sample, pageblock, colours, zone. Whoever changes it calls show(), and every picture that
 * depends on it draws itself again.
 */
"use strict";
(() => {
const $ = (id) => document.getElementById(id);
const PAGE = 4096, BLOCK = 512, ORDERS = 11;
const TYPES = ["Unmovable", "Movable", "Reclaimable", "HighAtomic", "CMA", "Isolate"];
const KINDS = ["free", "unmovable block", "movable block", "reclaimable block", "slab", "on a CPU's list",
	"block outside the recording", "reserved"];
/* Okabe and Ito's colours, which can be told apart with any kind of colour vision; no yellow, for paper. */
const PALETTE = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#7a5cc4", "#8c6d31",
	"#1b9e9e", "#a3475c", "#5f7d1e", "#4c5b9b"];
const PALETTE_DARK = ["#4aa5e8", "#f0b23d", "#22c59a", "#de95bf", "#8fd0f5", "#f58442", "#a78bea", "#c49b4a",
	"#45c8c8", "#d9788e", "#96bb45", "#8a9be0"];
const TYPE_COLOURS = ["#d55e00", "#2f8fd0", "#009e73", "#cc79a7", "#e69f00", "#8a8a8a"];
const KIND_COLOURS = [null, "#d55e00", "#2f8fd0", "#009e73", "#e69f00", "#cc79a7", "#8592a0", "#5a5f66"];
const OTHER = "#98a2ad";
/* Points of cividis, which rises evenly in brightness. */
const RAMP = [[0, 32, 77], [35, 62, 109], [85, 91, 109], [124, 123, 120], [165, 157, 117], [210, 193, 99], [255, 234, 70]];
/* Of viridis, for orders. */
const ORDER_COLOURS = ["#440154", "#482475", "#414487", "#355f8d", "#2a788e", "#21908d", "#22a884", "#43bf71",
	"#7ad151", "#bbdf27", "#e6c81e"];
const ORDER_COLOURS_DARK = ["#b98ad6", "#9f8fe3", "#8595e8", "#6c9fdd", "#56a9cf", "#46b3bd", "#45bda5", "#5dc986",
	"#8ad565", "#c0e04e", "#f5e663"];

let D, H;
const S = {sample: 0, cell: 0, block: 0, page: 0, mode: "type", zone: 0, axis: "time"};

/* ---- numbers and words ---- */

const group = (n) => Math.round(n).toString().replace(/\B(?=(\d{3})+$)/g, "\u202f");
const percent = (x) => (100 * x).toFixed(1) + "\u00a0%";
function bytes(n) {
	const units = ["B", "KiB", "MiB", "GiB", "TiB"];
	let u = 0;
	for (; Math.abs(n) >= 1024 && u < 4; u++)
		n /= 1024;
	return (u === 0 || Math.abs(n) >= 100 ? Math.round(n) : +n.toFixed(Math.abs(n) < 10 ? 2 : 1)) + "\u00a0" + units[u];
}
function seconds(s) {
	return (s < 0.01 ? (s * 1e6).toFixed(0) + "\u00a0µs" : s < 10 ? s.toFixed(3) + "\u00a0s" : s.toFixed(1) + "\u00a0s");
}
const signed = (d, show) => (d === 0 ? "0" : (d > 0 ? "+" : "−") + show(Math.abs(d)));
const zoneName = (z) => `Node ${D.zones[z].node} ${D.zones[z].name}`;
function make(tag, attrs, ...children) {
	const e = document.createElement(tag);
	for (const [k, v] of Object.entries(attrs || {})) {
		if (k === "text")
			e.textContent = v;
		else if (k.startsWith("on"))
			e.addEventListener(k.slice(2), v);
		else if (v !== false && v != null)
			e.setAttribute(k, v === true ? "" : v);
	}
	e.append(...children);
	return e;
}

/* A table: columns are {name, left, wrap, bar}, a row's cells strings or {text, part}. */
function table(columns, rows, caption, onrow) {
	const t = make("table", {class: "data"});
	if (caption)
		t.append(make("caption", {text: caption}));
	t.append(make("thead", {}, make("tr", {}, ...columns.map((c) =>
		make("th", {scope: "col", text: c.name, class: c.left ? "l" : null})))));
	const body = make("tbody");
	rows.forEach((row, i) => {
		const tr = make("tr", onrow ? {class: "clickable"} : {});
		row.forEach((v, j) => {
			const c = columns[j];
			if (c.bar) {
				const bar = make("i");
				bar.style.width = (100 * Math.max(0, Math.min(1, v.part || 0))).toFixed(1) + "%";
				tr.append(make("td", {class: "bar"}, bar, make("span", {text: v.text})));
			} else if (j === 0) {
				tr.append(make("th", {scope: "row", class: c.wrap ? "wrap" : null, text: v}));
			} else {
				tr.append(make("td", {class: (c.left ? "l " : "") + (c.wrap ? "wrap" : ""), text: v}));
			}
		});
		if (onrow)
			tr.addEventListener("click", () => onrow(i));
		body.append(tr);
	});
	t.append(body);
	return t;
}

/* A table in <details> is made when it is opened, and then kept up to date. */
const lazy = [];
function lazyTable(details, build) {
	const one = {details, build, stale: true};
	one.refresh = () => {
		if (details.open && one.stale) {
			const box = details.querySelector(".scroll"), top = box.scrollTop;
			box.replaceChildren(build());
			box.scrollTop = top;
			one.stale = false;
		}
	};
	details.addEventListener("toggle", one.refresh);
	lazy.push(one);
}
function tablesStale() {
	for (const one of lazy) {
		one.stale = true;
		one.refresh();
	}
}

const tip = $("tip");
function showTip(text, x, y) {
	tip.textContent = text;
	tip.hidden = false;
	const w = tip.offsetWidth, h = tip.offsetHeight;
	tip.style.left = Math.max(4, Math.min(x + 14, innerWidth - w - 8)) + "px";
	tip.style.top = (y + 18 + h > innerHeight ? Math.max(4, y - h - 12) : y + 18) + "px";
}
const hideTip = () => { tip.hidden = true; };

/* ---- unpacking ---- */

async function inflate(text) {
	const raw = atob(text), packed = new Uint8Array(raw.length);
	for (let i = 0; i < raw.length; i++)
		packed[i] = raw.charCodeAt(i);
	const out = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
	return new Uint8Array(await new Response(out).arrayBuffer());
}
class Reader {
	constructor(data) { this.data = data; this.at = 0; }
	u() {
		let v = 0, f = 1, b;
		do {
			b = this.data[this.at++];
			v += (b & 127) * f;
			f *= 128;
		} while (b & 128);
		return v;
	}
	s() {
		const v = this.u();
		return v % 2 ? -(v + 1) / 2 : v / 2;
	}
}
async function unpack() {
	const n = D.samples, series = new Reader(await inflate(D.series));
	const column = () => {
		const c = new Float64Array(n);
		let v = 0;
		for (let i = 0; i < n; i++)
			c[i] = (v += series.s());
		return c;
	};
	H = {own: {}, zones: [], caches: [], rows: new Map()};
	for (const name of D.columns)
		H.own[name] = column();
	for (const z of D.zones) {
		const one = {};
		for (const name of ["free", "pcp", "min", "low", "high", "boost"])
			one[name] = column();
		one.blocks = Array.from({length: ORDERS}, column);
		H.zones.push(one);
	}
	for (const c of D.caches) {
		const one = {name: c.name, size: c.object_size, slabs: column(), bytes: column(), objects: column(), places: column()};
		one.waste = one.bytes.map((b, i) => Math.max(0, b - one.objects[i] * one.size));
		H.caches.push(one);
	}
	H.seconds = H.own.time_ns.map((t) => t / 1e9);
	/* Each sample of the map is the one before, XORed. */
	H.map = await inflate(D.map);
	const size = D.cells * 5;
	for (let i = size; i < H.map.length; i++)
		H.map[i] ^= H.map[i - size];
	const rows = new Reader(await inflate(D.rows));
	let sample = 0;
	for (let i = rows.u(); i > 0; i--) {
		sample += rows.u();
		const block = rows.u(), len = rows.u();
		if (!H.rows.has(block))
			H.rows.set(block, []);
		H.rows.get(block).push([sample, rows.data.subarray(rows.at, rows.at + len)]);
		rows.at += len;
	}
	H.nrBlocks = D.spans.reduce((sum, s) => sum + s[1], 0);
}

/* ---- the map's data ---- */

function cellAt(sample, cell) {
	const at = sample * D.cells * 5 + cell, m = H.map, n = D.cells;
	return {type: m[at], free: m[at + n] | m[at + 2 * n] << 8, owner: m[at + 3 * n] | m[at + 4 * n] << 8};
}
/* Number of the pageblock in the order of spans -> its first frame and zone. */
function blockAt(index) {
	for (const [first, nr, zone] of D.spans) {
		if (index < nr)
			return {pfn: (first + index) * BLOCK, zone};
		index -= nr;
	}
	return {pfn: 0, zone: 0};
}
function rowOf(block, sample) {
	const list = H.rows.get(block);
	let found = null;
	for (const [at, row] of list || []) {
		if (at > sample)
			break;
		found = row;
	}
	return found;
}
/* What lies in a pageblock: runs of {kind, order, owner, page, pages}, one for each block. */
function runsOf(block, sample) {
	const row = rowOf(block, sample), runs = [];
	let page = 0;
	const add = (kind, order, owner, pages) => {
		runs.push({kind, order, owner, page, pages});
		page += pages;
	};
	if (row === null) {
		const c = cellAt(sample, block >> D.cell_shift);
		add(c.type === 255 ? 7 : 0, c.type === 255 ? 15 : 9, 0, BLOCK);
		return runs;
	}
	const r = new Reader(row);
	while (r.at < row.length && page < BLOCK) {
		const byte = row[r.at++], kind = byte & 15, order = byte >> 4;
		let nr = r.u();
		const owner = r.u();
		if (kind === 0) {
			/* Free blocks are the largest aligned pieces of the run. */
			while (nr > 0) {
				let o = 0;
				while (o < 9 && 2 << o <= nr && page % (2 << o) === 0)
					o++;
				add(0, o, 0, 1 << o);
				nr -= 1 << o;
			}
		} else if (order === 15) {
			add(kind, 15, owner, nr);
		} else {
			for (; nr > 0 && page < BLOCK; nr--)
				add(kind, order, owner, Math.min((1 << order) - page % (1 << order), BLOCK - page));
		}
	}
	return runs;
}
/* Lines may break between flags. */
const flags = (s) => s.replace(/\|/g, "|\u200b");
const ownerName = (o) => (o === 0 ? "" : (D.owners[o][1] ? "cache " : "") + flags(D.owners[o][0]));

/* Owners by how often they have a cell, over the samples: the first ones get a colour. */
function rankOwners() {
	const count = new Map(), step = Math.max(1, Math.floor(D.samples / 64));
	for (let s = 0; s < D.samples; s += step) {
		for (let c = 0; c < D.cells; c++) {
			const v = cellAt(s, c);
			if (v.owner && v.free < BLOCK)
				count.set(v.owner, (count.get(v.owner) || 0) + 1);
		}
	}
	H.ranked = [...count].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, PALETTE.length).map((e) => e[0]);
	H.colourOf = new Map(H.ranked.map((o, i) => [o, PALETTE[i]]));
}

/* ---- colours ---- */

let theme = "auto", printing = false;
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const dark = () => !printing && (theme === "dark" || (theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches));
function applyTheme() {
	document.documentElement.toggleAttribute("data-dark", dark());
	$("theme").textContent = "Theme: " + theme;
	for (const name of ["ink", "soft", "line", "grid", "card", "empty", "none", "accent"])
		C[name] = css("--" + name);
}
const C = {};
function hex(colour) {
	const v = parseInt(colour.slice(1), 16);
	return [v >> 16, v >> 8 & 255, v & 255];
}
const rgb = (a) => `rgb(${a.map(Math.round).join(",")})`;
const mix = (a, b, t) => rgb(hex(a).map((v, i) => v + (hex(b)[i] - v) * t));
function ramp(t) {
	const x = Math.max(0, Math.min(1, t)) * (RAMP.length - 1), i = Math.min(RAMP.length - 2, Math.floor(x));
	return rgb(RAMP[i].map((v, k) => v + (RAMP[i + 1][k] - v) * (x - i)));
}
/* [colour, whether the used share is drawn as a level] of a cell. */
function cellColour(v, cell) {
	if (v.type === 255)
		return [null, false];
	switch (S.mode) {
	case "type":
		return [TYPE_COLOURS[v.type], true];
	case "full":
		return [ramp(1 - v.free / BLOCK), false];
	case "owner":
		return [v.free === BLOCK || v.owner === 0 ? OTHER : H.colourOf.get(v.owner) || OTHER, true];
	default:
		return [PALETTE[H.cellZone[cell] % PALETTE.length], true];
	}
}

/* ---- canvases ---- */

function context(canvas, width, height) {
	const ratio = Math.max(1, window.devicePixelRatio || 1);
	if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
		canvas.width = Math.round(width * ratio);
		canvas.height = Math.round(height * ratio);
		canvas.style.height = height + "px";
		canvas.style.width = width + "px";
	}
	const g = canvas.getContext("2d");
	g.setTransform(ratio, 0, 0, ratio, 0, 0);
	g.clearRect(0, 0, width, height);
	return g;
}

const map = $("map-canvas"), zoom = $("zoom-canvas");
/* Where cells lie: zone after zone, each with its name, in rows. */
const layout = {size: 10, columns: 1, zones: [], height: 0, width: 0};
function layMap() {
	const width = Math.max(200, map.parentElement.clientWidth);
	const size = Math.max(4, Math.min(24, Math.floor(Math.sqrt(width * 330 / D.cells))));
	layout.size = size;
	layout.width = width;
	layout.columns = Math.max(1, Math.floor(width / size));
	layout.zones = [];
	let y = 0, cell = 0;
	while (cell < D.cells) {
		const zone = H.cellZone[cell];
		let end = cell;
		while (end < D.cells && H.cellZone[end] === zone)
			end++;
		layout.zones.push({zone, first: cell, end, y: y + 19});
		y += 19 + Math.ceil((end - cell) / layout.columns) * size + 7;
		cell = end;
	}
	layout.height = y;
}
function placeOf(cell) {
	const z = layout.zones.find((one) => cell < one.end);
	return [(cell - z.first) % layout.columns * layout.size, z.y + Math.floor((cell - z.first) / layout.columns) * layout.size];
}
function cellUnder(x, y) {
	for (const z of layout.zones) {
		const row = Math.floor((y - z.y) / layout.size), column = Math.floor(x / layout.size);
		const cell = z.first + row * layout.columns + column;
		if (row >= 0 && column >= 0 && column < layout.columns && cell < z.end)
			return cell;
	}
	return -1;
}
function drawMap() {
	const g = context(map, layout.width, layout.height), size = layout.size, gap = size >= 7 ? 1 : 0;
	g.font = "12px system-ui, sans-serif";
	for (const z of layout.zones) {
		g.fillStyle = C.soft;
		g.fillText(`${zoneName(z.zone)} — ${bytes(D.zones[z.zone].managed * PAGE)}`, 0, z.y - 6);
		for (let cell = z.first; cell < z.end; cell++) {
			const v = cellAt(S.sample, cell), [x, y] = placeOf(cell), [colour, level] = cellColour(v, cell);
			const used = 1 - v.free / BLOCK, w = size - gap;
			if (colour === null) {
				g.fillStyle = C.none;
				g.fillRect(x, y, w, w);
				g.strokeStyle = C.line;
				g.strokeRect(x + .5, y + .5, w - 1, w - 1);
			} else if (level && size >= 9) {
				const h = used === 0 ? 0 : Math.max(1.5, used * w);
				g.fillStyle = mix(C.empty, colour, .2);
				g.fillRect(x, y, w, w);
				g.fillStyle = colour;
				g.fillRect(x, y + w - h, w, h);
			} else {
				g.fillStyle = level ? mix(C.empty, colour, .2 + .8 * used) : colour;
				g.fillRect(x, y, w, w);
			}
		}
	}
	const [x, y] = placeOf(S.cell);
	g.lineWidth = 2;
	g.strokeStyle = C.card;
	g.strokeRect(x - 1, y - 1, size + 1, size + 1);
	g.strokeStyle = C.ink;
	g.strokeRect(x - 2.5, y - 2.5, size + 4, size + 4);
}
function cellText(cell) {
	const v = cellAt(S.sample, cell), first = cell << D.cell_shift, at = blockAt(first);
	const nr = Math.min(1 << D.cell_shift, H.nrBlocks - first);
	const name = nr === 1 ? `Pageblock ${first}` : `Pageblocks ${first}–${first + nr - 1}`;
	let text = `${name}, frames ${at.pfn}–${at.pfn + nr * BLOCK - 1}, ${zoneName(at.zone)}\n`;
	if (v.type === 255)
		return text + "never handed to the allocator";
	text += `${TYPES[v.type]}, ${v.free} of ${BLOCK} pages free (${percent(v.free / BLOCK)})${nr > 1 ? ", on average" : ""}`;
	if (v.owner && v.free < BLOCK)
		text += `\nmostly: ${ownerName(v.owner)}`;
	return text;
}
function legend(list, entries) {
	list.replaceChildren(...entries.map(([colour, text, count]) => {
		const i = make("i");
		i.style.background = colour;
		const li = make("li", {}, i, document.createTextNode(text));
		if (count != null)
			li.append(make("b", {text: count}));
		return li;
	}));
}
function mapLegend() {
	const types = new Array(TYPES.length).fill(0), owners = new Map(), zones = new Map();
	let none = 0;
	for (let c = 0; c < D.cells; c++) {
		const v = cellAt(S.sample, c);
		if (v.type === 255) {
			none++;
			continue;
		}
		types[v.type]++;
		const o = v.free < BLOCK && H.colourOf.has(v.owner) ? v.owner : 0;
		owners.set(o, (owners.get(o) || 0) + 1);
		zones.set(H.cellZone[c], (zones.get(H.cellZone[c]) || 0) + 1);
	}
	let entries = [];
	if (S.mode === "type") {
		entries = TYPES.map((t, i) => [TYPE_COLOURS[i], t, group(types[i])]).filter((e, i) => i < 3 || types[i]);
	} else if (S.mode === "owner") {
		entries = H.ranked.map((o) => [H.colourOf.get(o), ownerName(o), group(owners.get(o) || 0)]);
		entries.push([OTHER, "others, or free", group(owners.get(0) || 0)]);
	} else if (S.mode === "node") {
		entries = [...zones].map(([z, n]) => [PALETTE[z % PALETTE.length], zoneName(z), group(n)]);
	}
	if (none)
		entries.push([C.none, "not the allocator's", group(none)]);
	legend($("map-legend"), entries);
	if (S.mode === "full") {
		const bar = make("i", {class: "ramp"});
		bar.style.background = `linear-gradient(90deg, ${[0, .2, .4, .6, .8, 1].map(ramp).join(",")})`;
		$("map-legend").prepend(make("li", {}, document.createTextNode("free"), bar, document.createTextNode("full")));
	} else {
		$("map-legend").append(make("li", {text: "height or strength of a colour: pages in use"}));
	}
}

/* ---- the pages of one pageblock ---- */

const ZOOM_COLUMNS = 32;
function zoomSize() {
	return Math.max(6, Math.min(13, Math.floor(zoom.parentElement.clientWidth / ZOOM_COLUMNS)));
}
function runColour(run) {
	if (run.kind === 0)
		return C.empty;
	if (S.mode === "owner" && run.kind !== 7)
		return H.colourOf.get(run.owner) || (run.kind === 5 ? KIND_COLOURS[5] : OTHER);
	return KIND_COLOURS[run.kind];
}
let zoomRuns = [];
function drawZoom() {
	const size = zoomSize(), g = context(zoom, size * ZOOM_COLUMNS, size * BLOCK / ZOOM_COLUMNS + 2);
	zoomRuns = runsOf(S.block, S.sample);
	for (const run of zoomRuns) {
		g.fillStyle = runColour(run);
		/* Blocks stand apart, the pages of a block stand together. */
		for (let page = run.page, end = run.page + run.pages; page < end;) {
			const column = page % ZOOM_COLUMNS, row = Math.floor(page / ZOOM_COLUMNS);
			const n = run.order === 15 ? 1 : Math.min(end - page, ZOOM_COLUMNS - column);
			const last = page + n === end, lower = run.order !== 15 && page + ZOOM_COLUMNS < end;
			g.fillRect(column * size, row * size, n * size - (last || run.order === 15 ? 1 : 0), size - (lower ? 0 : 1));
			page += n;
		}
	}
	const x = S.page % ZOOM_COLUMNS * size, y = Math.floor(S.page / ZOOM_COLUMNS) * size;
	g.lineWidth = 2;
	g.strokeStyle = C.ink;
	g.strokeRect(x, y, size - 1, size - 1);
}
const runAt = (page) => zoomRuns.find((r) => page < r.page + r.pages) || zoomRuns[zoomRuns.length - 1];
function runText(run) {
	const what = run.kind === 0 ? "free block" : KINDS[run.kind];
	return what + (run.order !== 15 ? `, order ${run.order}` : "") + (run.owner ? `\n${ownerName(run.owner)}` : "");
}
const pageText = (page) => `Frame ${blockAt(S.block).pfn + page} (page ${page} of ${BLOCK}): ${runText(runAt(page))}`;
function zoomTexts() {
	const runs = zoomRuns, sums = new Array(KINDS.length).fill(0);
	for (const r of runs)
		sums[r.kind] += r.pages;
	$("h-zoom").textContent = `Pages of pageblock ${S.block}`;
	legend($("zoom-legend"), KINDS.map((k, i) => [i === 0 ? C.empty : KIND_COLOURS[i], k, group(sums[i])]).filter((e, i) => sums[i]));
	$("zoom-said").textContent = pageText(S.page);
}
function pagesTable() {
	const at = blockAt(S.block).pfn;
	return table([{name: "frames"}, {name: "pages"}, {name: "what", left: true}, {name: "order"}, {name: "owner", left: true, wrap: true}],
		zoomRuns.map((r) => [r.pages > 1 ? `${at + r.page}–${at + r.page + r.pages - 1}` : `${at + r.page}`, group(r.pages),
			KINDS[r.kind], r.order === 15 ? "" : String(r.order), ownerName(r.owner)]));
}

/* ---- tables of the map ---- */

function typesTable() {
	const rows = TYPES.map(() => [0, 0]), per = 1 << D.cell_shift;
	let none = 0;
	for (let c = 0; c < D.cells; c++) {
		const v = cellAt(S.sample, c), nr = Math.min(per, H.nrBlocks - c * per);
		if (v.type === 255) {
			none += nr;
			continue;
		}
		rows[v.type][0] += nr;
		rows[v.type][1] += v.free * nr;
	}
	const out = rows.map(([n, free], i) => [TYPES[i], group(n), group(n * BLOCK), group(free), n ? percent(free / n / BLOCK) : ""]);
	out.push(["not the allocator's", group(none), group(none * BLOCK), "", ""]);
	return table([{name: "type"}, {name: "pageblocks"}, {name: "pages"}, {name: "free"}, {name: "free, %"}], out, whenText());
}
function blocksTable() {
	const limit = 4096, rows = [];
	for (let c = 0; c < Math.min(D.cells, limit); c++) {
		const v = cellAt(S.sample, c), at = blockAt(c << D.cell_shift);
		rows.push([String(c << D.cell_shift), zoneName(at.zone), String(at.pfn), v.type === 255 ? "–" : TYPES[v.type],
			v.type === 255 ? "" : String(v.free), v.type === 255 ? "" : percent(v.free / BLOCK), v.free < BLOCK ? ownerName(v.owner) : ""]);
	}
	return table([{name: "pageblock"}, {name: "zone", left: true}, {name: "first frame"}, {name: "type", left: true},
		{name: "pages free"}, {name: "free, %"}, {name: "mostly", left: true, wrap: true}], rows,
	whenText() + (D.cells > limit ? `; the first ${limit} of ${D.cells}` : "") +
		(D.cell_shift ? `; a line stands for ${1 << D.cell_shift} pageblocks, their mean` : ""), (i) => choose(i, true));
}

/* ---- curves ---- */

const charts = [];
const xs = () => (S.axis === "time" ? H.seconds : H.own.event);
const xText = (v) => (S.axis === "time" ? seconds(v) : "event " + group(v));

class Chart {
	/* @build returns {series: [{name, data, colour, dash}], text, log, empty}: what is to be seen now. */
	constructor(id, label, build) {
		this.box = $(id);
		this.label = label;
		this.build = build;
		this.plotBox = make("div", {class: "plot", tabindex: "0", role: "group", "aria-roledescription": "chart",
			"aria-label": label + ". Left and right arrow keys step in time; the values are in the legend and in the table below."});
		this.note = make("p", {class: "help", hidden: true});
		this.details = make("details", {class: "chart-table"}, make("summary", {text: "Table: " + label}),
			make("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": label}));
		this.box.replaceChildren(this.plotBox, this.note, this.details);
		this.plotBox.addEventListener("keydown", timeKeys);
		lazyTable(this.details, () => this.table());
		charts.push(this);
		this.renew();
		if (typeof uPlot === "undefined")
			this.details.open = true;
	}
	/* What is shown has changed: other series, units, colours. */
	renew() {
		this.now = this.build();
		if (this.plot) {
			this.plot.destroy();
			this.plot = null;
		}
		this.note.textContent = this.now.empty || (typeof uPlot === "undefined" ? "The program that made this page was built without uPlot: a table in place of the curve." : "");
		this.note.hidden = this.note.textContent === "";
		this.plotBox.hidden = Boolean(this.now.empty) || typeof uPlot === "undefined";
		this.details.hidden = Boolean(this.now.empty);
		if (!this.plotBox.hidden)
			this.draw();
	}
	width() {
		return Math.max(260, this.box.clientWidth);
	}
	draw() {
		const chart = this, now = this.now, text = now.text;
		const axis = {stroke: C.soft, grid: {stroke: C.grid, width: 1}, ticks: {stroke: C.line, width: 1}, font: "12px system-ui, sans-serif"};
		const options = {
			width: this.width(), height: now.height || 300, pxAlign: 0,
			cursor: {points: {size: 7}, drag: {x: true, y: false}, sync: {key: "time"}},
			legend: {live: true},
			scales: {x: {time: false}, y: now.log ? {distr: 4, asinh: now.asinh || 1, range: (u, lo, hi) => [0, Math.max(1, hi * 1.25)]}
				: {range: (u, lo, hi) => [0, now.max || (hi > 0 ? hi * 1.06 : 1)]}},
			axes: [
				{...axis, values: (u, v) => v.map((x) => (S.axis === "time" ? (x >= 10 || x === 0 ? +x.toFixed(2) : +x.toFixed(3)) + " s" : short(x)))},
				{...axis, size: 74, filter: (u, v) => (now.log ? logTicks(v) : v), values: (u, v) => v.map((y) => (y == null ? "" : (now.axisText || text)(y))),
					...(now.unit ? {splits: (u, i, lo, hi) => binarySplits(hi, now.unit)} : {})},
			],
			series: [{label: S.axis === "time" ? "time" : "event", value: (u, v) => (v == null ? "" : xText(v))},
				...now.series.map((s) => ({label: s.name, stroke: s.colour, width: s.width || 1.6, dash: s.dash, points: {show: false},
					fill: s.fill, show: s.show !== false, value: (u, v) => (v == null ? "–" : text(v))}))],
			hooks: {
				draw: [(u) => chart.marker(u)],
				setCursor: [(u) => { if (u.cursor.left < 0 || u.cursor.idx == null) chart.legendAt(); }],
			},
		};
		this.plot = new uPlot(options, [xs(), ...now.series.map((s) => s.data)], this.plotBox);
		this.plot.ctx.canvas.setAttribute("aria-hidden", "true");
		this.plot.over.addEventListener("click", () => {
			if (this.plot.cursor.idx != null)
				go(this.plot.cursor.idx);
		});
		this.plot.over.addEventListener("mouseleave", () => this.legendAt());
		this.legendAt();
	}
	marker(u) {
		const x = u.valToPos(xs()[S.sample], "x", true), g = u.ctx;
		if (x < u.bbox.left - 1 || x > u.bbox.left + u.bbox.width + 1)
			return;
		g.save();
		g.setLineDash([]);
		g.strokeStyle = C.ink;
		g.globalAlpha = .75;
		g.lineWidth = 1.5 * (window.devicePixelRatio || 1);
		g.beginPath();
		g.moveTo(x, u.bbox.top);
		g.lineTo(x, u.bbox.top + u.bbox.height);
		g.stroke();
		g.restore();
	}
	legendAt() {
		if (this.plot)
			this.plot.setLegend({idx: S.sample}, false);
	}
	moment() {
		if (this.plot) {
			this.plot.redraw(false, false);
			if (this.plot.cursor.left == null || this.plot.cursor.left < 0)
				this.legendAt();
		}
	}
	table() {
		const now = this.now, rows = [];
		for (let i = 0; i < D.samples; i++)
			rows.push([group(H.own.event[i]), seconds(H.seconds[i]), ...now.series.map((s) => now.text(s.data[i]))]);
		const t = table([{name: "event"}, {name: "time"}, ...now.series.map((s) => ({name: s.name}))], rows, this.label, go);
		if (t.tBodies[0].rows[S.sample])
			t.tBodies[0].rows[S.sample].className = "now clickable";
		return t;
	}
}
/* Of a logarithmic axis: powers of ten, and all if there are few. */
function logTicks(v) {
	const most = Math.max(...v);
	return v.map((y) => (y === 0 || (y > 0 && (most < 10 || Number.isInteger(+Math.log10(y).toFixed(9)))) ? y : null));
}
/* Round numbers of bytes are powers of two; @unit bytes are 1 on the axis. */
function binarySplits(hi, unit) {
	const step = 2 ** Math.max(0, Math.ceil(Math.log2(hi * unit / 6))) / unit, out = [];
	for (let v = 0; v <= hi; v += step)
		out.push(v);
	return out;
}
function short(v) {
	return v >= 1e9 ? +(v / 1e9).toFixed(2) + " G" : v >= 1e6 ? +(v / 1e6).toFixed(2) + " M" : v >= 1e4 ? +(v / 1e3).toFixed(1) + " k" : String(+v.toFixed(2));
}

const difference = (c) => c.map((v, i) => (i > 0 ? v - c[i - 1] : v));
const lineColour = (i) => (dark() ? PALETTE_DARK : PALETTE)[i % PALETTE.length];
const orderColour = (o) => (dark() ? ORDER_COLOURS_DARK : ORDER_COLOURS)[o];

function ordersChart() {
	const z = H.zones[S.zone], mib = $("orders-unit").value === "mib";
	return {
		series: z.blocks.map((b, o) => ({name: "order " + o, colour: orderColour(o),
			data: mib ? b.map((n) => n * (1 << o) * PAGE / 1048576) : b})),
		text: mib ? (v) => (v >= 100 ? v.toFixed(0) : +v.toFixed(2)) + " MiB" : group,
		axisText: mib ? (v) => short(v) + " MiB" : short,
		log: $("orders-log").checked,
	};
}
function unusable(z, order) {
	return z.blocks[0].map((unused, i) => {
		let all = 0, small = 0;
		for (let o = 0; o < ORDERS; o++) {
			const pages = z.blocks[o][i] * (1 << o);
			all += pages;
			if (o < order)
				small += pages;
		}
		return all > 0 ? small / all : 0;
	});
}
function unusableChart() {
	const z = H.zones[S.zone], series = [];
	for (let o = 1; o < ORDERS; o++)
		series.push({name: "order " + o, colour: orderColour(o), data: unusable(z, o)});
	const most = series.reduce((m, one) => Math.max(m, peak(one.data)), 0);
	return {series, text: percent, axisText: (v) => +(v * 100).toFixed(1) + " %", max: Math.max(.05, Math.min(1.02, most * 1.15))};
}
function marksChart() {
	const z = H.zones[S.zone], text = (v) => `${group(v)} (${bytes(v * PAGE)})`;
	const series = [
		{name: "free", colour: lineColour(0), data: z.free, width: 2, fill: dark() ? "rgba(86,180,233,.13)" : "rgba(0,114,178,.1)"},
		{name: "on CPUs' lists", colour: lineColour(3), data: z.pcp},
		{name: "high", colour: lineColour(2), data: z.high, dash: [2, 3]},
		{name: "low", colour: lineColour(1), data: z.low, dash: [8, 4]},
		{name: "min", colour: lineColour(5), data: z.min},
	];
	if (z.boost.some((v) => v > 0))
		series.push({name: "boost", colour: lineColour(6), data: z.boost, dash: [4, 2]});
	return {series, text, axisText: (v) => bytes(v * PAGE), unit: PAGE};
}
const RECLAIM = ["pgsteal_kswapd", "pgsteal_direct", "pgscan_kswapd", "pgscan_direct", "allocstall_dma", "allocstall_dma32",
	"allocstall_normal", "allocstall_movable", "kswapd_wake", "compact_stall", "compact_success", "compact_fail", "pgmigrate_success",
	"oom_kill", "extfrag_claimed", "extfrag_stolen", "watermark_boost"];
function reclaimChart() {
	const n = D.samples - 1, names = RECLAIM.filter((name) => H.own[name] && H.own[name][n] > H.own[name][0]);
	if (names.length === 0)
		return {series: [], empty: "Nothing was reclaimed, compacted or taken from another type's pageblocks."};
	return {series: names.map((name, i) => ({name, colour: lineColour(i), dash: i >= PALETTE.length ? [4, 3] : null,
		data: difference(H.own[name].map((v) => v - H.own[name][0]))})), text: group, axisText: short, log: true};
}
const peak = (c) => c.reduce((m, v) => Math.max(m, v), 0);
function cachesBy(what, nr) {
	return H.caches.slice().sort((a, b) => peak(b[what]) - peak(a[what])).slice(0, nr);
}
function cacheChart(what) {
	const list = cachesBy(what, 9), all = H.seconds.map((unused, i) => H.caches.reduce((sum, c) => sum + c[what][i], 0));
	if (H.caches.length === 0)
		return {series: [], empty: "No cache was used."};
	return {series: [{name: "all caches", colour: C.ink, data: all, width: 2.2, dash: [6, 3]},
		...list.map((c, i) => ({name: c.name, colour: lineColour(i), data: c[what]}))], text: bytes, unit: 1};
}
function cachesTable() {
	const i = S.sample, list = H.caches.filter((c) => c.bytes[i] > 0).sort((a, b) => b.bytes[i] - a.bytes[i]);
	const most = list.length ? list[0].bytes[i] : 1, wasted = list.reduce((m, c) => Math.max(m, c.waste[i]), 1);
	return table([{name: "cache"}, {name: "object"}, {name: "objects"}, {name: "places"}, {name: "slabs"}, {name: "slabs' bytes", bar: true},
		{name: "waste", bar: true}, {name: "use"}],
	list.map((c) => [c.name, bytes(c.size), group(c.objects[i]), group(c.places[i]), group(c.slabs[i]),
		{text: bytes(c.bytes[i]), part: c.bytes[i] / most}, {text: bytes(c.waste[i]), part: c.waste[i] / wasted},
		percent(Math.min(1, c.objects[i] * c.size / c.bytes[i]))]), whenText());
}

/* ---- tables of the end ---- */

/* A user program's recording: what it asked for, and what the machine gave for it. */
function heapChart() {
	return {series: [{name: "asked for and not freed", colour: lineColour(0), data: H.own.live_bytes, width: 2},
		{name: "pages taken since the start", colour: lineColour(5), data: H.own.live_bytes.map((unused, i) =>
			H.zones.reduce((sum, z) => sum + Math.max(0, z.free[0] + z.pcp[0] - z.free[i] - z.pcp[i]), 0) * PAGE), width: 2}], text: bytes, unit: 1};
}
function heapTable() {
	const list = D.replay.heap.classes, most = list.reduce((m, c) => Math.max(m, c.max_live * c.size), 1);
	$("heap-classes").append(table([{name: "size"}, {name: "most at once", bar: true}, {name: "alive at the end"}, {name: "blocks"}, {name: "asked for"}],
		list.map((c) => [bytes(c.size), {text: bytes(c.max_live * c.size), part: c.max_live * c.size / most}, bytes(c.live_bytes), group(c.allocs), bytes(c.asked_bytes)])));
}
function sitesTable() {
	const find = $("sites-find").value.toLowerCase();
	const list = D.sites.filter((s) => (s.site + " " + s.cache + " " + s.event).toLowerCase().includes(find));
	const most = list.reduce((m, s) => Math.max(m, s.max_live_bytes), 1);
	$("sites-table").replaceChildren(table([{name: "call site, or flags where the recording has none", wrap: true}, {name: "event", left: true}, {name: "cache", left: true},
		{name: "peak", bar: true}, {name: "alive at the end"}, {name: "blocks or objects"}, {name: "allocated"}, {name: "freed"}],
	list.map((s) => [flags(s.site), s.event, s.cache, {text: bytes(s.max_live_bytes), part: s.max_live_bytes / most},
		bytes(s.live_bytes), group(s.live), group(s.allocs), group(s.frees)])));
}
function refusals() {
	const r = D.replay.refusals || {kinds: []}, body = $("refused-body"), n = H.own.refused[D.samples - 1];
	if (n === 0) {
		body.append(make("p", {text: "No request was refused."}));
		return;
	}
	body.append(make("p", {class: "lead", text: `${group(n)} requests were refused, of ${r.kinds.length} kinds. ` +
		"What the machine said after the first of each kind:"}));
	body.append(make("div", {class: "chart", id: "refused-chart"}));
	new Chart("refused-chart", "Refused requests so far", () => ({series: [{name: "refused", colour: lineColour(5), data: H.own.refused, width: 2}],
		text: group, axisText: short, height: 200}));
	r.kinds.slice().sort((a, b) => b.count - a.count).forEach((k) => {
		const card = make("article", {class: "refusal"}, make("h3", {text: `${group(k.count)} × ${k.event}, order ${k.order}, ${flags(k.gfp_flags)}`}),
			make("p", {text: `${k.reason}; first at event ${group(k.first_event)}`}));
		card.append(make("button", {type: "button", text: "Show that moment", onclick: () => {
			let i = H.own.event.findIndex((e) => e >= k.first_event);
			go(i < 0 ? D.samples - 1 : i);
			$("map").scrollIntoView();
		}}));
		if (k.zones.length)
			card.append(make("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": "Zones that refused"},
				table([{name: "zone"}, {name: "reason", left: true}, {name: "free"}, {name: "watermark"}, {name: "reserve"},
					{name: "largest order free"}], k.zones.map((z) => [`Node ${z.node} ${z.zone}`, z.reason, group(z.free),
					group(z.watermark), group(z.reserve), String(z.largest_order)]))));
		if (k.explanation)
			card.append(make("pre", {text: k.explanation}));
		body.append(card);
	});
}
function besideLinux() {
	const body = $("linux-body"), r = D.replay;
	const caches = r.caches.filter((c) => c.linux), zones = r.zones.filter((z) => z.linux_free_blocks);
	if (!caches.length && !zones.length)
		return;
	$("linux").hidden = false;
	body.append(make("p", {class: "lead", text: "Linux's side is the last snapshot beside the recording. " + (r.start && r.start.reconstructed ?
		"What was there before the recording began was put here first, as the first snapshot tells." : "It also holds what was allocated before the recording began, which is lacking here.")}));
	const box = (label, t) => make("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": label}, t);
	if (caches.length) {
		const most = caches.reduce((m, c) => Math.max(m, c.bytes, c.linux.bytes), 1);
		body.append(make("h3", {text: "Caches"}), box("Caches beside Linux's", table([{name: "cache"}, {name: "slabs, ours"}, {name: "slabs, Linux"},
			{name: "ours", bar: true}, {name: "Linux", bar: true}, {name: "difference"}, {name: "objects, ours"}, {name: "objects, Linux"}],
		caches.map((c) => [c.name, group(c.num_slabs), group(c.linux.num_slabs), {text: bytes(c.bytes), part: c.bytes / most},
			{text: bytes(c.linux.bytes), part: c.linux.bytes / most}, signed(c.bytes - c.linux.bytes, bytes),
			group(c.active_objs), group(c.linux.active_objs)]))));
	}
	if (zones.length) {
		const columns = [{name: "zone"}, {name: "", left: true}, ...Array.from({length: ORDERS}, (unused, o) => ({name: "order " + o}))], rows = [];
		for (const z of zones) {
			rows.push([`Node ${z.node} ${z.name}`, "ours", ...z.free_blocks.map(group)], ["", "Linux", ...z.linux_free_blocks.map(group)],
				["", "difference", ...z.free_blocks.map((v, o) => signed(v - z.linux_free_blocks[o], group))]);
		}
		body.append(make("h3", {text: "Free blocks of each order"}), box("Free blocks beside Linux's", table(columns, rows)));
	}
	if (r.linux)
		body.append(...faithful(r.linux));
	if (r.start) {
		body.append(make("h3", {text: "What was there before the recording began"}), ...faithful(r.start));
	}
}
/* Whatever else is set beside Linux's: objects become tables, lists of objects too. */
function faithful(o) {
	const out = [], simple = Object.entries(o).filter(([, v]) => v === null || typeof v !== "object");
	const words = (s) => s.replace(/_/g, " "), show = (v) => (typeof v === "number" ? (Number.isInteger(v) ? group(v) : v.toFixed(3)) : v === null ? "–" : String(v));
	const box = (label, t) => make("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": label}, t);
	if (simple.length)
		out.push(make("h3", {text: "In numbers"}), box("In numbers", table([{name: "figure"}, {name: "value"}], simple.map(([k, v]) => [words(k), k.endsWith("bytes") ? bytes(v) : show(v)]))));
	for (const [k, v] of Object.entries(o)) {
		if (v === null || typeof v !== "object")
			continue;
		const list = Array.isArray(v) ? v : Object.entries(v).map(([name, x]) => (x !== null && typeof x === "object" && !Array.isArray(x) ? {name, ...x} : {name, value: x}));
		const rows = list.map((x) => (x !== null && typeof x === "object" && !Array.isArray(x) ? x : {value: x}));
		const keys = [...new Set(rows.flatMap((x) => Object.keys(x)))];
		if (keys.includes("ours") && keys.includes("linux")) {
			keys.push("difference");
			for (const x of rows)
				x.difference = signed(x.ours - x.linux, group);
		}
		if (keys.length)
			out.push(make("h3", {text: words(k[0].toUpperCase() + k.slice(1))}), box(words(k), table(keys.map((name, i) => ({name: words(name), left: i > 0 && name !== "difference" && typeof rows[0][name] === "string"})),
				rows.map((x) => keys.map((name, i) => { if (i === 0 && typeof x[name] === "string") return words(x[name]); const c = x[name]; return c !== null && typeof c === "object" ? JSON.stringify(c) : show(c === undefined ? null : c); })))));
	}
	return out;
}
function eventsTable() {
	const fates = new Set();
	if (!D.replay.events) {
		$("events").hidden = $("sites").hidden = true;
		return;
	}
	for (const e of Object.values(D.replay.events))
		Object.entries(e).forEach(([k, v]) => { if (v > 0 && k !== "seen") fates.add(k); });
	const columns = ["seen", ...fates];
	$("events-table").append(table([{name: "event"}, ...columns.map((c) => ({name: c.replace(/_/g, " ")}))],
		Object.entries(D.replay.events).map(([name, e]) => [name, ...columns.map((c) => (e[c] ? group(e[c]) : ""))])));
}
/* Addresses that go against what was alive: the first places of each kind. */
function collisions() {
	const kinds = Object.values(D.replay.collisions || {}).filter((k) => k.count > 0), out = $("collisions");
	const said = (e) => [e.type, e.order !== null && `order ${e.order}`, e.cache, e.site].filter(Boolean).join(", ");

	if (kinds.length)
		out.append(make("h3", {text: "Addresses that collide"}));
	for (const k of kinds) {
		out.append(make("p", {text: `${group(k.count)} ${k.text}: ${k.effect}. The first:`}),
			make("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": k.text},
				table([{name: "event"}, {name: "line"}, {name: "time"}, {name: "CPU"}, {name: "address", left: true}, {name: "what", left: true, wrap: true},
					{name: "there", left: true, wrap: true}, {name: "event before", left: true, wrap: true}],
				k.places.map((p) => [group(p.event), p.line === null ? "" : group(p.line), seconds(p.time_ns / 1e9), p.cpu, p.address, said(p), p.was || "",
					p.before === null ? "" : `${group(p.before.event)}: ${said(p.before)}`]))));
	}
}
function cards() {
	const r = D.replay, e = r.replay, free = r.zones.reduce((sum, z) => sum + z.free, 0), managed = r.zones.reduce((sum, z) => sum + z.managed, 0);
	const refused = H.own.refused[D.samples - 1];
	let all = 0, small = 0;
	for (const z of r.zones) {
		z.free_blocks.forEach((n, o) => {
			all += n * (1 << o);
			small += o < 9 ? n * (1 << o) : 0;
		});
	}
	const list = [
		["Events", group(e.events), seconds(e.recorded_ns / 1e9) + " recorded"],
		["Machine", bytes(r.machine.ram_bytes), `${r.machine.nr_nodes} node${r.machine.nr_nodes > 1 ? "s" : ""}, ${r.machine.nr_cpus} CPU${r.machine.nr_cpus > 1 ? "s" : ""}`],
		["Free at the end", managed ? percent(free / managed) : "–", bytes(free * PAGE)],
		["Unusable, order 9", all ? percent(small / all) : "–", "of the free pages"],
		["Refused", group(refused), refused ? "requests" : "none", refused > 0],
		e.extfrag === undefined ? ["Alive at the end", bytes(H.own.live_bytes[D.samples - 1]), `${group(H.own.live_objects[D.samples - 1])} blocks`]
			: ["Types mixed", group(e.extfrag), `in the recording: ${group(e.extfrag_recorded)}`],
		["Damage", e.complete ? (e.damage_reports ? group(e.damage_reports) : "none") : "incomplete", "digest " + e.digest, !e.complete || e.damage_reports > 0],
	];
	$("cards").replaceChildren(...list.map(([name, value, small, bad]) =>
		make("div", {class: bad ? "bad" : null}, make("dt", {text: name}), make("dd", {text: value}, make("small", {text: small})))));
	const t = r.trace;
	$("subtitle").textContent = [t.description, t.kernel && "Linux " + t.kernel, t.path, "on " + r.machine.map,
		r.machine.command_line && `with “${r.machine.command_line}”`, r.machine.allocator].filter(Boolean).join(" · ");
}

/* ---- what is looked at ---- */

const whenText = () => `event ${group(H.own.event[S.sample])} of ${group(H.own.event[D.samples - 1])}, ${seconds(H.seconds[S.sample])}`;
function show(what) {
	if (what.moment || what.colours || what.cell || what.size) {
		drawMap();
		drawZoom();
		zoomTexts();
		$("map-said").textContent = cellText(S.cell).replace("\n", ": ").replace("\n", "; ");
	}
	if (what.moment || what.colours)
		mapLegend();
	if (what.moment) {
		$("slider").value = S.sample;
		$("slider").setAttribute("aria-valuetext", whenText());
		$("when").textContent = whenText();
		for (const c of charts)
			c.moment();
	}
	if (what.moment || what.cell)
		tablesStale();
}
function go(sample) {
	const to = Math.max(0, Math.min(D.samples - 1, sample));
	if (to !== S.sample) {
		S.sample = to;
		show({moment: true});
	}
}
function choose(cell, pages) {
	S.cell = Math.max(0, Math.min(D.cells - 1, cell));
	S.block = S.cell << D.cell_shift;
	/* Of several pageblocks, the first whose pages are known. */
	for (let b = S.block; b < Math.min(H.nrBlocks, (S.cell + 1) << D.cell_shift); b++) {
		if (H.rows.has(b)) {
			S.block = b;
			break;
		}
	}
	S.page = 0;
	show({cell: true});
	if (pages && innerWidth < 900)
		$("zoom").scrollIntoView({block: "nearest"});
}
function timeKeys(event) {
	const step = {ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10}[event.key];
	if (event.key === "Home")
		go(0);
	else if (event.key === "End")
		go(D.samples - 1);
	else if (step)
		go(S.sample + step);
	else
		return;
	event.preventDefault();
}
function mapKeys(event) {
	const move = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -layout.columns, ArrowDown: layout.columns, Home: -S.cell, End: D.cells - 1 - S.cell}[event.key];
	if (event.key === "Enter")
		zoom.focus();
	else if (event.key === "," || event.key === ".")
		go(S.sample + (event.key === "," ? -1 : 1));
	else if (move !== undefined)
		choose(S.cell + move, false);
	else
		return;
	event.preventDefault();
}
function zoomKeys(event) {
	const move = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: -ZOOM_COLUMNS, ArrowDown: ZOOM_COLUMNS, Home: -S.page, End: BLOCK - 1 - S.page}[event.key];
	if (event.key === "Escape")
		map.focus();
	else if (event.key === "," || event.key === ".")
		go(S.sample + (event.key === "," ? -1 : 1));
	else if (move !== undefined)
		S.page = Math.max(0, Math.min(BLOCK - 1, S.page + move));
	else
		return;
	event.preventDefault();
	drawZoom();
	zoomTexts();
}
let timer = null;
function play() {
	if (timer !== null) {
		clearInterval(timer);
		timer = null;
	} else {
		if (S.sample === D.samples - 1)
			go(0);
		timer = setInterval(() => {
			go(S.sample + 1);
			if (S.sample === D.samples - 1)
				play();
		}, Math.max(40, Math.min(120, 20000 / D.samples)));
	}
	$("play").textContent = timer === null ? "Play" : "Pause";
	$("play").setAttribute("aria-pressed", String(timer !== null));
}

function pointer(canvas, under, text, click) {
	const at = (event) => {
		const box = canvas.getBoundingClientRect();
		return under(event.clientX - box.left, event.clientY - box.top);
	};
	canvas.addEventListener("mousemove", (event) => {
		const i = at(event);
		if (i < 0)
			hideTip();
		else
			showTip(text(i), event.clientX, event.clientY);
	});
	canvas.addEventListener("mouseleave", hideTip);
	canvas.addEventListener("click", (event) => {
		const i = at(event);
		if (i >= 0)
			click(i);
	});
}

function renewAll() {
	applyTheme();
	layMap();
	show({colours: true, size: true});
	for (const c of charts)
		c.renew();
}

/* ---- start ---- */

function controls() {
	for (const [value, text] of [["type", "migratetype"], ["full", "fullness"], ["owner", "owner or cache"], ["node", "node and zone"]]) {
		const input = make("input", {type: "radio", name: "mode", value, checked: value === S.mode, onchange: () => {
			S.mode = value;
			show({colours: true});
		}});
		$("modes").append(make("label", {}, input, document.createTextNode(text)));
	}
	const largest = D.zones.reduce((best, z, i) => (z.managed > D.zones[best].managed ? i : best), 0);
	S.zone = largest;
	for (const select of document.querySelectorAll("select.zone")) {
		D.zones.forEach((z, i) => select.append(make("option", {value: i, text: zoneName(i), selected: i === S.zone})));
		select.addEventListener("change", () => {
			S.zone = Number(select.value);
			for (const other of document.querySelectorAll("select.zone"))
				other.value = select.value;
			for (const c of charts)
				c.renew();
			tablesStale();
		});
	}
	const renewOrders = () => {
		charts[0].renew();
		tablesStale();
	};
	$("orders-unit").addEventListener("change", renewOrders);
	$("orders-log").addEventListener("change", renewOrders);
	$("axis").addEventListener("change", () => {
		S.axis = $("axis").value;
		for (const c of charts)
			c.renew();
	});
	$("slider").max = D.samples - 1;
	$("slider").addEventListener("input", () => go(Number($("slider").value)));
	$("back").addEventListener("click", () => go(S.sample - 1));
	$("forth").addEventListener("click", () => go(S.sample + 1));
	$("play").addEventListener("click", play);
	$("theme").addEventListener("click", () => {
		theme = {auto: dark() ? "light" : "dark", light: "dark", dark: "light"}[theme];
		renewAll();
	});
	$("sites-find").addEventListener("input", sitesTable);
	map.addEventListener("keydown", mapKeys);
	zoom.addEventListener("keydown", zoomKeys);
	pointer(map, cellUnder, cellText, (cell) => choose(cell, true));
	pointer(zoom, (x, y) => {
		const size = zoomSize(), page = Math.floor(y / size) * ZOOM_COLUMNS + Math.floor(x / size);
		return x >= 0 && x < size * ZOOM_COLUMNS && page >= 0 && page < BLOCK ? page : -1;
	}, pageText, (page) => {
		S.page = page;
		drawZoom();
		zoomTexts();
	});
	for (const s of document.querySelectorAll("section[data-nav]")) {
		if (!s.hidden)
			$("nav").append(make("li", {}, make("a", {href: "#" + s.id, text: s.dataset.nav})));
	}
	let width = innerWidth, due = 0;
	addEventListener("resize", () => {
		if (innerWidth === width)
			return;
		width = innerWidth;
		cancelAnimationFrame(due);
		due = requestAnimationFrame(renewAll);
	});
	matchMedia("(prefers-color-scheme: dark)").addEventListener("change", renewAll);
	addEventListener("beforeprint", () => {
		printing = true;
		document.body.classList.add("printing");
		renewAll();
	});
	addEventListener("afterprint", () => {
		printing = false;
		document.body.classList.remove("printing");
		renewAll();
	});
}

async function start() {
	D = JSON.parse($("data").textContent);
	if (typeof DecompressionStream === "undefined")
		throw new Error("this browser lacks DecompressionStream: use one of 2023 or later");
	await unpack();
	H.cellZone = new Uint16Array(D.cells);
	for (let c = 0; c < D.cells; c++)
		H.cellZone[c] = blockAt(c << D.cell_shift).zone;
	rankOwners();
	S.sample = D.samples - 1;
	$("main").hidden = false;
	applyTheme();
	besideLinux();
	eventsTable();
	collisions();
	$("heap").hidden = !D.replay.heap;
	controls();
	cards();
	layMap();
	/* The fullest pageblock that is not wholly taken has the most to tell. */
	let best = 0, most = -1;
	for (let c = 0; c < D.cells; c++) {
		const v = cellAt(S.sample, c);
		if (v.type !== 255 && v.free > 0 && v.owner > 0 && BLOCK - v.free > most) {
			most = BLOCK - v.free;
			best = c;
		}
	}
	$("map-lead").textContent = `${group(H.nrBlocks)} pageblocks of 512 pages (2 MiB)` +
		(D.cell_shift ? `, ${1 << D.cell_shift} to a square` : ", a square each") +
		`, at ${group(D.samples)} moments. Choose one to see its pages` + (D.row_every > 1 ? `, which were looked at every ${D.row_every}th time.` : ".");
	new Chart("orders-chart", "Free blocks of each order", ordersChart);
	new Chart("unusable-chart", "Unusable free index", unusableChart);
	new Chart("marks-chart", "Free pages and watermarks", marksChart);
	new Chart("reclaim-chart", "Reclaim, compaction and mixing of types", reclaimChart);
	new Chart("slabs-chart", "Bytes in slabs of the largest caches", () => cacheChart("bytes"));
	new Chart("waste-chart", "Waste in slabs", () => cacheChart("waste"));
	if (D.replay.heap) {
		new Chart("heap-chart", "Bytes asked for and pages taken", heapChart);
		heapTable();
	}
	lazyTable($("zoom-details"), pagesTable);
	lazyTable($("types-details"), typesTable);
	lazyTable($("blocks-details"), blocksTable);
	lazyTable($("caches-details"), cachesTable);
	$("sites-lead").textContent = `${group(D.nr_sites)} places and kinds of request` + (D.nr_sites > D.sites.length ? `, the largest ${D.sites.length} of them` : "") +
		". Peak: the sum of the most that each of its requests held at once.";
	sitesTable();
	refusals();
	choose(best, false);
	show({moment: true});
	document.documentElement.dataset.ready = "";
}
start().catch((error) => {
	$("trouble").textContent = "The pictures cannot be shown: " + error.message + ". The report as text is at the end of this page.";
	$("trouble").hidden = false;
	throw error;
});
})();
