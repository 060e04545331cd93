import type {NodeView, RepairView} from '../client/contract.js';
import type {MovesView} from '../client/healing-contract.js';
import {formatSize, formatTable, formatTime} from '../format.js';
import {escapeControls} from '../protocol/escape.js';
import {PjasError} from '../protocol/errors.js';
import {repairReasons} from '../repair-words.js';
import {type CommandContext, isOn, jsonLine, type RunCommand} from './context.js';
import {exitCodes} from './failures.js';
import {findFile} from './find-file.js';

const rateText = ({rate, bytes_per_s: now}: RepairView): string => {
	const most = rate === 0 ? 'as fast as it goes' : `at most ${formatSize(rate)}/s`;
	return `${formatSize(now)}/s now, ${most}`;
};

const figures = (repair: RepairView): string => {
	const {paused, waiting, blocked, active, done} = repair;
	const rows: [string, string][] = [
		['Repair', paused ? 'paused' : 'on'],
		['Under way', String(active.length)],
		['Waiting', String(waiting)],
		["Can't be repaired now", String(blocked)],
		['Rate', rateText(repair)],
		['Done since the start', `${done.chunks} chunks, ${done.shards} shards, ${formatSize(done.bytes)}`],
	];
	return rows.map(([label, value]) => `${label.padEnd(22)} ${value}\n`).join('');
};

const movesText = ({waiting, blocked, active, reason, bytes_per_s: now, done}: MovesView): string => {
	const why = reason === null ? '' : `: ${repairReasons[reason]}`;
	const rows: [string, string][] = [
		['Moves under way', `${active.length}, ${formatSize(now)}/s`],
		['Moves waiting', String(waiting)],
		["Can't be moved now", `${blocked}${why}`],
		['Moved since the start', `${done.shards} shards, ${formatSize(done.bytes)}`],
	];
	return `\n${rows.map(([label, value]) => `${label.padEnd(22)} ${value}\n`).join('')}`;
};

const movesHead = ['FILE', 'CHUNK', 'SIZE', 'FROM', 'TO', 'WHY'];
const activeHead = ['FILE', 'CHUNK', 'COPIES', 'SIZE', 'FROM', 'TO'];
const shortHead = ['FILE', 'CHUNK', 'COPIES', 'DUE (UTC)', 'WHY NOT NOW'];

const namesOf = (nodes: readonly NodeView[]) => {
	const names = new Map(nodes.map(({node_id: id, name}) => [id, name]));
	return (id: string) => names.get(id) ?? id;
};

const movesTable = ({active}: MovesView, nameOf: (id: string) => string): string => {
	const rows = active.map(({file_id: file, index, size, from, to, reason}) => [
		file,
		String(index),
		formatSize(size),
		nameOf(from),
		nameOf(to),
		reason,
	]);
	return rows.length > 0 ? `\n${formatTable(movesHead, rows)}\n` : '';
};

const tablesOf = (repair: RepairView, nameOf: (id: string) => string): string => {
	const active = repair.active.map(({file_id: file, index, copies, size, from, to}) => [
		file,
		String(index),
		String(copies),
		formatSize(size),
		from === null ? '' : nameOf(from),
		to.map(nameOf).join(' '),
	]);
	const short = repair.short.map(({file_id: file, index, copies, reason, due_at: dueAt}) => [
		file,
		String(index),
		String(copies),
		formatTime(dueAt),
		reason === null ? '' : repairReasons[reason],
	]);
	return [
		...(active.length > 0 ? [`\n${formatTable(activeHead, active)}\n`] : []),
		...(short.length > 0 ? [`\n${formatTable(shortHead, short)}\n`] : []),
	].join('');
};

const show = async ({api, stdout, flags}: CommandContext, repair: RepairView) => {
	const moves = await api.moves();
	if (isOn({flags}, 'json')) {
		await stdout.write(jsonLine({...repair, moves}));
		return exitCodes.done;
	}

	const nameOf = namesOf(await api.nodes());
	await stdout.write(figures(repair) + tablesOf(repair, nameOf) + movesText(moves) + movesTable(moves, nameOf));
	return exitCodes.done;
};

const repairFile = async (context: CommandContext, word: string) => {
	const {api, stdout} = context;
	const {file_id: id, filename} = await findFile(api, word);
	const chunks = await api.repairFile(id);
	const many = `${chunks} ${chunks === 1 ? 'chunk is' : 'chunks are'}`;
	const text = chunks === 0 ? 'nothing to repair' : `${many} repaired now`;
	await stdout.write(
		isOn(context, 'json') ? jsonLine({file_id: id, filename, chunks}) : `${escapeControls(filename)}: ${text}\n`,
	);
	return exitCodes.done;
};

export const repair: RunCommand = async context => {
	const {api, words} = context;
	const [word = 'status'] = words;
	if (word === 'status') return show(context, await api.repair());
	if (isOn(context, 'read-only')) {
		throw new PjasError('INVALID_CONFIGURATION', `repair ${word} changes the network, and --read-only refuses that`);
	}

	if (word === 'pause' || word === 'resume') return show(context, await api.pauseRepair(word === 'pause'));
	return repairFile(context, word);
};
