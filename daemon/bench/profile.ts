import {readdir, readFile} from 'node:fs/promises';
import {basename, join} from 'node:path';
import {table} from './measure.js';

type ProfileNode = {id: number; callFrame: {functionName: string; url: string; lineNumber: number}};
type Profile = {nodes: ProfileNode[]; samples: number[]; timeDeltas: number[]};

const LINES = 15;

const nameOf = ({functionName, url, lineNumber}: ProfileNode['callFrame']): string =>
	`${functionName || '(anonymous)'}${url ? ` ${basename(url)}:${lineNumber + 1}` : ''}`;

/** Seconds by function, of the function itself without what it calls. */
const selfSeconds = ({nodes, samples, timeDeltas}: Profile): Map<string, number> => {
	const names = new Map(nodes.map(({id, callFrame}) => [id, nameOf(callFrame)]));
	const seconds = new Map<string, number>();
	samples.forEach((id, at) => {
		const name = names.get(id) ?? '?';
		seconds.set(name, (seconds.get(name) ?? 0) + (timeDeltas[at] ?? 0) / 1e6);
	});
	return seconds;
};

/** The functions that took most time in each profile of a folder. */
export const profileSummary = async (folder: string): Promise<string> => {
	const parts: string[] = [];
	for (const file of (await readdir(folder)).filter(name => name.endsWith('.cpuprofile')).sort()) {
		const profile = JSON.parse(await readFile(join(folder, file), 'utf8')) as Profile;
		const top = [...selfSeconds(profile)].filter(([name]) => name !== '(idle)').sort(([, a], [, b]) => b - a);
		const busy = top.reduce((total, [, seconds]) => total + seconds, 0);
		const rows = top
			.slice(0, LINES)
			.map(([name, seconds]) => [`  ${name}`, `${seconds.toFixed(2)} s`, `${((100 * seconds) / busy).toFixed(1)}%`]);
		parts.push(`${join(folder, file)}: busy for ${busy.toFixed(1)} s\n${table(rows)}`);
	}

	return parts.join('\n');
};
